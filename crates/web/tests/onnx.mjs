// Small ONNX models, written as the protocol buffers that they are: field numbers are those of onnx.proto.

const encoder = new TextEncoder();

function varint(value) {
  const bytes = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 0x80 : low);
  } while (rest > 0n);
  return bytes;
}

const integer = (field, value) => [...varint(field << 3), ...varint(value)];
const bytes = (field, content) => [...varint((field << 3) | 2), ...varint(content.length), ...content];
const text = (field, value) => bytes(field, encoder.encode(value));
const message = (field, ...parts) => bytes(field, parts.flat());

const [FLOAT, INT64] = [1, 7];

/** A tensor of float32 or int64 values. */
export function tensor(name, dims, values) {
  const isFloat = values instanceof Float32Array;
  const raw = new Uint8Array(values.buffer);
  const shape = dims.flatMap((dim) => integer(1, dim));
  return message(5, shape, integer(2, isFloat ? FLOAT : INT64), text(8, name), bytes(9, raw));
}

/** A tensor of float32 values that look random and are the same every time. */
export function weights(name, dims, seed = 1) {
  const length = dims.reduce((product, dim) => product * dim, 1);
  return tensor(name, dims, Float32Array.from({ length }, (_, i) => Math.sin(seed + 12.9898 * i) * 0.1));
}

function attribute(name, value) {
  if (Array.isArray(value)) {
    return message(5, text(1, name), value.flatMap((item) => integer(8, item)), integer(20, 7));
  }
  return message(5, text(1, name), integer(3, value), integer(20, 2));
}

/** A node: `node("Conv", ["x", "w"], ["y"], {pads: [1, 1, 1, 1]})`. */
export function node(op, inputs, outputs, attributes = {}) {
  return message(
    1,
    inputs.flatMap((name) => text(1, name)),
    outputs.flatMap((name) => text(2, name)),
    text(4, op),
    Object.entries(attributes).flatMap(([name, value]) => attribute(name, value)),
  );
}

function value(field, [name, dims]) {
  const shape = dims.flatMap((dim) => message(1, integer(1, dim)));
  const type = message(2, message(1, integer(1, FLOAT), bytes(2, shape)));
  return message(field, text(1, name), type);
}

/** A model with one float32 input and one float32 output, each `[name, dims]`. */
export function model(nodes, initializers, input, output) {
  const graph = [nodes.flat(), text(2, "g"), initializers.flat(), value(11, input), value(12, output)].flat();
  return Uint8Array.from([...integer(1, 9), ...bytes(7, graph), ...message(8, text(1, ""), integer(2, 20))]);
}
