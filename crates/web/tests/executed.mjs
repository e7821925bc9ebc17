// What libraries execute for what algebra asks for: the table of README.md, held against counts by `browser.test.mjs`.

import { models } from "./models.mjs";

const [ORT, TFJS, THREE] = ["onnxruntime-web 1.30", "tfjs 4.22", "three.js 0.180"];

const ort = (name) => ["ort", name, models[name].input];

/** A product of M x K and K x N matrices. */
const product = (m, k, n) => 2 * m * k * n;

/** A convolution with a filter of 3 x 3 from 3 to 16 channels over 32 x 32 places. */
const CONVOLUTION = product(32 * 32, 3 * 3 * 3, 16);

/** Rows: what, by which library, the program, its kernels or the greatest one, by algebra, and executed. */
export const executed = [
  ["product of 64 x 96 x 80", ORT, ort("matmul"), /MatMul/, product(64, 96, 80), product(64, 96, 96)],
  ["product of 64 x 96 x 80", TFJS, ["tfjs", "matmul"], /MatMul/, product(64, 96, 80), product(64, 96, 80)],
  ["product of 128 x 128 x 128", ORT, ort("square"), /MatMul/, product(128, 128, 128), product(128, 128, 128)],
  // Tiles of 32 x 32, and a bias of two operations an output.
  ["layer of 1 x 16 x 10 with a bias", ORT, ort("conv"), /Gemm/, product(1, 16, 10) + 10, product(32, 32, 32) + 20],
  // 27 inputs of an output are padded to 96.
  ["convolution 3 x 3 of 32 x 32 x 3 to 16 channels, bias", ORT, ort("conv"), /Conv2d/, CONVOLUTION + 16384, product(1024, 96, 16) + 16384],
  ["convolution 3 x 3 of 32 x 32 x 3 to 16 channels", TFJS, ["tfjs", "conv"], /^Conv2D/, CONVOLUTION, product(1024, 96, 16)],
  ["convolution 1 x 1 of 16 x 16 x 16 to 32 channels", TFJS, ["tfjs", "conv"], /SmallOutput/, product(256, 16, 32), product(256, 16, 32)],
  // Taps beside the image are left out, but only above and below it.
  ["convolution 3 x 3 of 16 x 16 x 16, by depth", TFJS, ["tfjs", "conv"], /Depthwise/, 2 * 16 * 48 * 48, 2 * 16 * 48 * 46],
  // 16 positions fill half of a tile, and 16 x 16 scores a quarter or less of theirs.
  ["a transformer block's products, 16 positions of width 64", ORT, ort("transformer"), /MatMul/,
    product(16, 64, 192 + 64 + 256 + 256) + 2 * 4 * product(16, 16, 16), product(32, 64, 768) + 2 * 4 * product(32, 32, 32)],
  // 17 N + 6 for each of N bodies; workgroups of 64 make 1024 of 1000.
  ["forces between 1000 bodies, twice", THREE, ["three"], undefined, 2 * 1000 * (17 * 1000 + 6), 2 * 1024 * (17 * 1000 + 6)],
];

const grouped = (count) => count.toLocaleString("en");

/** A row as README.md has it. */
export const line = ([what, library, , , algebra, counted]) =>
  `| ${what} | ${library} | ${grouped(algebra)} | ${grouped(counted)} | ${(counted / algebra).toFixed(2)} |`;
