// Continued in linear_workgroup.wgsl, with operands_f16.wgsl for operands.wgsl.
//
// The products of linear_workgroup.wgsl of operands in half precision, as in linear_f16.wgsl.

enable f16;
