// What programs hand to the functions of this package, before any of it reaches a kernel.

/** The options, where all of them are known and the kernel is a text. */
export function checked(name, wgsl, options, known) {
  if (typeof wgsl !== "string") throw new TypeError(`flopmeter: ${name}: the kernel's WGSL is a text, and this is ${typeof wgsl}`);
  const unknown = Object.keys(options).find((option) => !known.includes(option));
  if (unknown !== undefined) {
    throw new TypeError(`flopmeter: ${name}: there is no option '${unknown}'; there are ${known.join(", ")}`);
  }
  return options;
}
