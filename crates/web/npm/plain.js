// The page's own pipelines, and bind groups for them: what counts is not what is timed. A bind group of an automatic
// layout belongs to the counting pipeline that the page was handed, so it is made again for the page's own.

export class Plain {
  #own;
  #pipelines = new WeakMap();
  /** Layouts that a counting pipeline made by itself: {kernel, index}. */
  #layouts = new WeakMap();
  /** Bind groups of such layouts: {kernel, index, descriptor, made}. */
  #groups = new WeakMap();

  /** @param kernelOf the kernel of a pipeline that counts */
  constructor(hooks, own, kernelOf) {
    this.#own = own;
    const [layouts, groups] = [this.#layouts, this.#groups];
    hooks.replace("GPUComputePipeline", "getBindGroupLayout", (old) =>
      function (index) {
        const layout = old.call(this, index);
        const kernel = kernelOf(this);
        if (kernel?.descriptor.layout === "auto") layouts.set(layout, { kernel, index });
        return layout;
      });
    hooks.replace("GPUDevice", "createBindGroup", (old) =>
      function (descriptor) {
        const group = old.call(this, descriptor);
        const automatic = layouts.get(descriptor.layout);
        if (automatic) groups.set(group, { ...automatic, descriptor: copied(descriptor) });
        return group;
      });
  }

  /** The page's own pipeline of a kernel. */
  pipeline(kernel) {
    let pipeline = this.#pipelines.get(kernel);
    if (!pipeline) {
      const { device } = kernel.counters;
      pipeline = this.#own.GPUDevice.createComputePipeline.call(device, kernel.descriptor);
      this.#pipelines.set(kernel, pipeline);
    }
    return pipeline;
  }

  /** A bind group as the page's own pipeline of a kernel takes it. */
  group(kernel, group) {
    const known = this.#groups.get(group);
    if (known?.kernel !== kernel) return group;
    if (!known.made) {
      const layout = this.#own.GPUComputePipeline.getBindGroupLayout.call(this.pipeline(kernel), known.index);
      known.made = this.#own.GPUDevice.createBindGroup.call(kernel.counters.device, { ...known.descriptor, layout });
    }
    return known.made;
  }
}

/** A descriptor of a bind group that stays as it is when the page uses its objects again. */
function copied(descriptor) {
  const entries = [...descriptor.entries].map(({ binding, resource }) => ({
    binding,
    resource: resource?.buffer ? { ...resource } : resource,
  }));
  return { label: descriptor.label, entries };
}
