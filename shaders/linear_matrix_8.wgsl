// Continued in linear_matrix.wgsl, with matrices_8.wgsl for matrices_16.wgsl.
//
// The products of linear_matrix.wgsl by cooperative matrices of 8 rows and columns.

enable f16;
enable wgpu_cooperative_matrix;
