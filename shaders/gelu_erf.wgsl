// Continued in gelu.wgsl, with erf_gelu.wgsl for tanh_gelu.wgsl.
//
// What gelu.wgsl computes of gelu by tanh, of gelu by erf.
