// Counters of kernels that leave no storage buffer: each workgroup stores its own in texels of a texture, and a second
// dispatch adds them to the kernel's window and leaves zeros behind. One texture serves all kernels of a device.

/** Columns of the texture, as the rewriter has it. */
const COLUMNS = 8192;

/** Rows that the texture has at most: 64 MiB. */
const MOST_ROWS = 2048;

/** Workgroups of the kernel whose counters one workgroup of the second dispatch adds up. */
const CHUNK = 256;

/** What counters are bound as. */
export const TEXELS = {
  binding: 0,
  visibility: 4 /* compute */,
  storageTexture: { access: "write-only", format: "r32uint" },
};

const ADDING = `
@group(0) @binding(0) var texels: texture_storage_2d<r32uint, read_write>;
@group(0) @binding(1) var<storage, read_write> counters: array<atomic<u32>>;
var<workgroup> limbs: array<atomic<u32>, 3>;

fn take(texel: u32) -> u32 {
    let at = vec2(texel % ${COLUMNS}, texel / ${COLUMNS});
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
    if (texel < ${COLUMNS} * textureDimensions(texels).y) {
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
  #device;
  #own;
  #adding;
  #texture;
  /** For a kernel, the bind groups of its own dispatch and the second one, and the texture that they are of. */
  #groups = new WeakMap();

  /** @param own WebGPU's methods before they were replaced */
  constructor(device, own) {
    this.#device = device;
    this.#own = own;
    const { createShaderModule, createComputePipeline } = own.GPUDevice;
    const module = createShaderModule.call(device, { label: "flopmeter", code: ADDING });
    this.#adding = createComputePipeline.call(device, { label: "flopmeter", layout: "auto", compute: { module } });
  }

  /** Why what so many workgroups count cannot be had, if it cannot. */
  static refusal(kernel, extents) {
    if (!extents) return "it takes all storage buffers, and an indirect dispatch does not say how many texels its counters take";
    const texels = 2 * kernel.texel_counters * workgroups(extents);
    if (texels <= COLUMNS * MOST_ROWS) return undefined;
    return `it takes all storage buffers, and its counters over a grid of ${extents.join(" x ")} take ${texels} texels; one texture has ${COLUMNS * MOST_ROWS}`;
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
    const texture = this.#large(2 * kernel.texel_counters * workgroups(extents));
    const known = this.#groups.get(kernel);
    if (known?.texture === texture) return known;
    const { createBindGroup } = this.#own.GPUDevice;
    const resource = texture.createView();
    const bound = (layout, entries) => createBindGroup.call(this.#device, { label: "flopmeter", layout, entries });
    const layout = this.#own.GPUComputePipeline.getBindGroupLayout.call(this.#adding, 0);
    const groups = {
      texture,
      storing: bound(kernel.groupLayout, [{ binding: kernel.binding, resource }]),
      adding: bound(layout, [{ binding: 0, resource }, { binding: 1, resource: kernel.window }]),
    };
    this.#groups.set(kernel, groups);
    return groups;
  }

  /** The texture, with so many texels at least. Passes that hold a smaller one keep it. */
  #large(texels) {
    const rows = Math.max(1, Math.ceil(texels / COLUMNS));
    if (!this.#texture || this.#texture.height < rows) {
      const height = Math.min(MOST_ROWS, 2 ** Math.ceil(Math.log2(rows)));
      this.#texture = this.#own.GPUDevice.createTexture.call(this.#device, {
        label: "flopmeter counters",
        size: [COLUMNS, height],
        format: "r32uint",
        usage: GPUTextureUsage.STORAGE_BINDING,
      });
    }
    return this.#texture;
  }
}

const workgroups = (extents) => extents.reduce((product, extent) => product * extent, 1);
