// Continued in linear_common.wgsl, with operands_f16.wgsl for operands.wgsl.
//
// What stands in the place of matrices_16.wgsl where cooperative matrices have 8 rows and columns.

enable f16;
enable wgpu_cooperative_matrix;

const SIDE: u32 = 8u; // rows and columns of a matrix

alias Left = coop_mat8x8<f16, A>;
alias Right = coop_mat8x8<f16, B>;
alias Sum = coop_mat8x8<f32, C>;
