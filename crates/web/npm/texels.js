// Counters of kernels that leave no storage buffer: each workgroup stores its own in texels of a texture, and a second
// dispatch adds them to the kernel's window and leaves zeros behind. One texture serves all kernels of a device.

/** Texels that the texture has at most: 64 MiB. */
const MOST = 16 << 20;

/** Workgroups of the kernel whose counters one workgroup of the second dispatch adds up. */
const CHUNK = 256;

/** What WGSL calls it that a texture may be read and written, as the second dispatch does. */
const READ_WRITE = "readonly_and_readwrite_storage_textures";

/** How every reason begins. */
const GREEDY = "it takes all storage buffers, and";

/** What counters are bound as. */
export const TEXELS = {
  binding: 0,
  visibility: 4 /* compute */,
  storageTexture: { access: "write-only", format: "r32uint" },
};

const adding = (columns) => `
@group(0) @binding(0) var texels: texture_storage_2d<r32uint, read_write>;
@group(0) @binding(1) var<storage, read_write> counters: array<atomic<u32>>;
var<workgroup> limbs: array<atomic<u32>, 3>;

fn take(texel: u32) -> u32 {
    let at = vec2(texel % ${columns}, texel / ${columns});
    let value = textureLoad(texels, at).x;
    textureStore(texels, at, vec4(0u));
    return value;
}

@compute @workgroup_size(${CHUNK})
fn add(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let counter = group.x;
    let texel = 2 * ((group.y * ${CHUNK} + index) * groups.x + counter);
    if (texel < ${columns} * textureDimensions(texels).y) {
        let low = take(texel);
        let high = take(texel + 1);
        atomicAdd(&limbs[0], low & 0xffff);
        atomicAdd(&limbs[1], low >> 16);
        atomicAdd(&limbs[2], high);
    }
    workgroupBarrier();
    if (index == 0) {
        let below = atomicLoad(&limbs[0]);
        let above = atomicLoad(&limbs[1]);
        let low = below + (above << 16);
        let before = atomicAdd(&counters[2 * counter], low);
        let carries = u32(low < below) + u32(before + low < before);
        atomicAdd(&counters[2 * counter + 1], atomicLoad(&limbs[2]) + (above >> 16) + carries);
    }
}`;

/** The texture of one device, and the second dispatch. */
export class Texels {
  /** Why nothing is counted in texels of this device, once that is known. */
  refused;
  /** A promise of why the device refuses the second dispatch, or of nothing. */
  answer;
  #device;
  #columns;
  #own;
  #errors;
  #adding;
  #texture;
  /** For a kernel, the bind groups of its own dispatch and the second one, and the texture that they are of. */
  #groups = new WeakMap();

  /**
   * @param columns how many the texture has, as the rewriter says
   * @param own WebGPU's methods before they were replaced
   * @param errors what keeps errors from the program
   */
  constructor(device, columns, own, errors) {
    this.#device = device;
    this.#columns = columns;
    this.#own = own;
    this.#errors = errors;
    const features = globalThis.navigator?.gpu?.wgslLanguageFeatures;
    const { maxTextureDimension2D: widest } = device.limits ?? {};
    if (features && !features.has(READ_WRITE)) {
      this.refused = `${GREEDY} WGSL has no '${READ_WRITE}' here`;
    } else if (widest < columns) {
      this.refused = `${GREEDY} the device has no textures of ${columns} columns, which its counters take`;
    } else {
      this.#begin();
    }
  }

  #begin() {
    const { createShaderModule, createComputePipeline } = this.#own.GPUDevice;
    const { made, error } = this.#errors.guarded(this.#device, () => {
      const module = createShaderModule.call(this.#device, { label: "flopmeter", code: adding(this.#columns) });
      return createComputePipeline.call(this.#device, { label: "flopmeter", layout: "auto", compute: { module } });
    });
    this.#adding = made;
    this.answer = this.#heed(error, "the device refuses the kernel that adds up its counters");
  }

  /** Remembers that nothing is counted in texels where an error comes: a promise of why. */
  async #heed(error, what) {
    const { message } = (await error) ?? {};
    if (message !== undefined) this.refused ??= `${GREEDY} ${what}: ${message}`;
    return this.refused;
  }

  /** Why what so many workgroups count cannot be had, if it cannot. */
  refusal(kernel, extents) {
    if (this.refused) return this.refused;
    if (!extents) return `${GREEDY} an indirect dispatch does not say how many texels its counters take`;
    const texels = 2 * kernel.texel_counters * workgroups(extents);
    if (texels <= MOST) return undefined;
    return `${GREEDY} its counters over a grid of ${extents.join(" x ")} take ${texels} texels; one texture has ${MOST}`;
  }

  /** The bind group with which a kernel is dispatched over a grid. */
  bindGroup(kernel, extents) {
    return this.#groupsOf(kernel, extents).storing;
  }

  /** Adds up what a kernel has stored, in a pass that then has another pipeline and another bind group 0. */
  add(pass, kernel, extents) {
    const { setPipeline, setBindGroup, dispatchWorkgroups } = this.#own.GPUComputePassEncoder;
    setPipeline.call(pass, this.#adding);
    setBindGroup.call(pass, 0, this.#groupsOf(kernel, extents).adding);
    dispatchWorkgroups.call(pass, kernel.texel_counters, Math.ceil(workgroups(extents) / CHUNK));
  }

  #groupsOf(kernel, extents) {
    const texture = this.#high(Math.ceil((2 * kernel.texel_counters * workgroups(extents)) / this.#columns));
    const known = this.#groups.get(kernel);
    if (known?.texture === texture) return known;
    // Errors of these are consequences of others, which are heeded.
    const { made } = this.#errors.guarded(this.#device, () => this.#bound(kernel, texture));
    this.#groups.set(kernel, made);
    return made;
  }

  #bound(kernel, texture) {
    const { createBindGroup } = this.#own.GPUDevice;
    const resource = texture.createView();
    const bound = (layout, entries) => createBindGroup.call(this.#device, { label: "flopmeter", layout, entries });
    const layout = this.#own.GPUComputePipeline.getBindGroupLayout.call(this.#adding, 0);
    return {
      texture,
      storing: bound(kernel.groupLayout, [{ binding: kernel.binding, resource }]),
      adding: bound(layout, [{ binding: 0, resource }, { binding: 1, resource: kernel.window }]),
    };
  }

  /** The texture, with so many rows at least. Passes that hold a smaller one keep it. */
  #high(rows) {
    if (!this.#texture || this.#texture.height < rows) {
      const height = Math.min(MOST / this.#columns, 2 ** Math.ceil(Math.log2(Math.max(1, rows))));
      const descriptor = {
        label: "flopmeter counters",
        size: [this.#columns, height],
        format: "r32uint",
        usage: GPUTextureUsage.STORAGE_BINDING,
      };
      const make = () => this.#own.GPUDevice.createTexture.call(this.#device, descriptor);
      const { made, error } = this.#errors.guarded(this.#device, make, ["out-of-memory"]);
      this.#texture = made;
      this.#heed(error, "the device refuses the texture that its counters go to");
    }
    return this.#texture;
  }
}

const workgroups = (extents) => extents.reduce((product, extent) => product * extent, 1);
