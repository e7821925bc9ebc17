// A page like any other that simulates with three.js: 1000 bodies, two steps. It does not know of flopmeter.

import { WebGPURenderer } from "three/webgpu";
import { Fn, Loop, hash, instanceIndex, instancedArray, uint, vec3 } from "three/tsl";

const N = 1000;
const renderer = new WebGPURenderer();
await renderer.init();
const [position, velocity] = [instancedArray(N, "vec3"), instancedArray(N, "vec3")];
const scatter = Fn(() => {
  const p = position.element(instanceIndex);
  p.x = hash(instanceIndex);
  p.y = hash(instanceIndex.add(uint(1)));
  p.z = hash(instanceIndex.add(uint(2)));
})().compute(N);
const attract = Fn(() => {
  const p = position.element(instanceIndex).toVar();
  const sum = vec3(0).toVar();
  Loop(N, ({ i }) => {
    const d = position.element(i).sub(p);
    const r2 = d.dot(d).add(0.01);
    sum.addAssign(d.div(r2.mul(r2.sqrt())));
  });
  velocity.element(instanceIndex).addAssign(sum.mul(0.01));
})().compute(N);
const move = Fn(() => {
  position.element(instanceIndex).addAssign(velocity.element(instanceIndex).mul(0.01));
})().compute(N);

/** Runs the simulation; the bytes of the positions, as text. */
globalThis.runProgram = async () => {
  await renderer.computeAsync(scatter);
  for (let step = 0; step < 2; step += 1) {
    await renderer.computeAsync(attract);
    await renderer.computeAsync(move);
  }
  const bytes = new Uint8Array(await renderer.getArrayBufferAsync(position.value));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
};
globalThis.isReady = Boolean(renderer.backend.isWebGPUBackend);
