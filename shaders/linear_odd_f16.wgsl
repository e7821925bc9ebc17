// Continued in linear_odd.wgsl, with operands_f16.wgsl for operands.wgsl.
//
// The products of linear_odd.wgsl of operands in half precision, as in linear_f16.wgsl.

enable f16;
