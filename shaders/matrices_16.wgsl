// Continued in linear_common.wgsl, with operands_f16.wgsl for operands.wgsl.
//
// Cooperative matrices of 16 rows and columns, which a subgroup has together: factors in half precision, sums in single.

enable f16;
enable wgpu_cooperative_matrix;

const SIDE: u32 = 16u; // rows and columns of a matrix

alias Left = coop_mat16x16<f16, A>;
alias Right = coop_mat16x16<f16, B>;
alias Sum = coop_mat16x16<f32, C>;
