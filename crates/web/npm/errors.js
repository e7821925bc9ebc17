// Errors of calls that are made in the program's name, which it must not see, and those that are its own, which it gets
// where it would have got them: in the scope that was open, or uncaptured.

export class Errors {
  #own;
  /** The scopes of a device that the program has open: {filter, late}, the last one innermost. */
  #scopes = new WeakMap();

  constructor(hooks, own) {
    this.#own = own;
    const scopes = this.#scopes;
    hooks.replace("GPUDevice", "pushErrorScope", (old) =>
      function (filter) {
        old.call(this, filter);
        if (!scopes.has(this)) scopes.set(this, []);
        scopes.get(this).push({ filter, late: [] });
      });
    hooks.replace("GPUDevice", "popErrorScope", (old) =>
      function () {
        const answer = old.call(this);
        const late = scopes.get(this)?.pop()?.late ?? [];
        if (late.length === 0) return answer;
        return answer.then(async (error) => error ?? (await Promise.all(late)).find(Boolean) ?? null);
      });
  }

  /** Makes a call whose errors, also of `more` kinds, the program does not see: its result, and a promise of its error. */
  guarded(device, call, more = []) {
    const { pushErrorScope, popErrorScope } = this.#own.GPUDevice;
    const filters = ["validation", "internal", ...more];
    for (const filter of filters) pushErrorScope.call(device, filter);
    try {
      const made = call();
      return { made, error: this.#answers(filters.map(() => popErrorScope.call(device))) };
    } catch (thrown) {
      for (const answer of filters.map(() => popErrorScope.call(device))) answer.catch(() => {});
      throw thrown;
    }
  }

  /** The first error of some scopes. A device that is lost has none. */
  async #answers(answers) {
    const errors = await Promise.all(answers.map((answer) => answer.catch(() => null)));
    return errors.find(Boolean);
  }

  /** Tells the program of an error of its own, which is known later: a promise of it, or of nothing. */
  tell(device, late) {
    const scope = this.#scopes.get(device)?.findLast(({ filter }) => filter === "validation");
    if (scope) {
      scope.late.push(late);
      return;
    }
    late.then((error) => {
      if (error) device.dispatchEvent(new GPUUncapturedErrorEvent("uncapturederror", { error }));
    });
  }
}
