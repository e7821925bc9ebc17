// Continued in linear_subgroup.wgsl, with linear_lanes_4.wgsl for linear_lanes.wgsl.
//
// The products of linear_subgroup.wgsl for adapters with subgroups of four lanes: teams of four load a fourth each of what
// belongs to the same 32 rows. On SwiftShader that makes products 1.6 to 2.4 times as fast.
