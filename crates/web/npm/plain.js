// The page's own pipelines, and bind groups for them: what counts is not what is timed, and the device may refuse what
// counts. A bind group of an automatic layout belongs to the counting pipeline that the page was handed, so it is made
// again for the page's own.

export class Plain {
  #own;
  #errors;
  #pipelines = new WeakMap();
  /** Layouts that a counting pipeline made by itself: {kernel, index}. */
  #layouts = new WeakMap();
  /** Bind groups of such layouts: {kernel, index, descriptor, made}. */
  #groups = new WeakMap();

  /** @param kernelOf the kernel of a pipeline that counts, or was to */
  constructor(hooks, own, errors, kernelOf) {
    this.#own = own;
    this.#errors = errors;
    const [plain, layouts, groups] = [this, this.#layouts, this.#groups];
    hooks.replace("GPUComputePipeline", "getBindGroupLayout", (old) =>
      function (index) {
        const kernel = kernelOf(this);
        if (kernel?.descriptor.layout !== "auto") return old.call(this, index);
        const layout = plain.#made(kernel, () => old.call(this, index), () => plain.#layout(kernel, index));
        layouts.set(layout, { kernel, index });
        return layout;
      });
    hooks.replace("GPUDevice", "createBindGroup", (old) =>
      function (descriptor) {
        const automatic = layouts.get(descriptor.layout);
        if (!automatic) return old.call(this, descriptor);
        const { kernel, index } = automatic;
        const told = copied(descriptor);
        const own = () => old.call(this, { ...told, layout: plain.#layout(kernel, index) });
        const group = plain.#made(kernel, () => old.call(this, descriptor), own);
        groups.set(group, { ...automatic, descriptor: told, made: kernel.refused && group });
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
    const { device } = kernel.counters;
    const descriptor = () => ({ ...known.descriptor, layout: this.#layout(kernel, known.index) });
    return (known.made ||= this.#own.GPUDevice.createBindGroup.call(device, descriptor()));
  }

  /** A bind group, or what stands in for one of a pipeline whose counting kernel the device refuses. */
  standing(group) {
    const kernel = this.#groups.get(group)?.kernel;
    return kernel?.refused ? this.group(kernel, group) : group;
  }

  #layout(kernel, index) {
    return this.#own.GPUComputePipeline.getBindGroupLayout.call(this.pipeline(kernel), index);
  }

  /**
   * What is made of the counting pipeline, or of the page's own where the device refuses that. As long as it has not
   * said, errors are the page's only if the page's own has them too.
   */
  #made(kernel, counting, own) {
    if (kernel.refused) return own();
    if (!kernel.answer) return counting();
    const { device } = kernel.counters;
    const { made, error } = this.#errors.guarded(device, counting);
    const late = Promise.all([error, kernel.answer]).then(([error]) =>
      kernel.refused ? this.#errors.guarded(device, own).error : error);
    this.#errors.tell(device, late);
    return made;
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
