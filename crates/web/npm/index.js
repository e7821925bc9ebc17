// flopmeter for WebGPU: counts what a program's compute kernels execute, on the device that executes them.

export { attach } from "./attach.js";
export { instrument } from "./instrument.js";
export { run } from "./run.js";
