// Continued in linear_outputs.wgsl, with operands_f16.wgsl for operands.wgsl.
//
// The products of linear.wgsl of operands in half precision: x, w and dy are f16, and so is each product of two of them.
// Sums, biases and outputs are f32. An output costs as many multiplications, conversions and additions as its sum has
// terms.

enable f16;
