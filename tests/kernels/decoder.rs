//! The kernels of a pre-norm decoder with grouped-query attention, on small, odd shapes: values against
//! plain f64 references, gradients against finite differences of the same references. The bench holds
//! every launch's count against its closed form besides.

mod attention;
mod bounded;
mod rms_norm;
mod rope;
mod rows;
mod swiglu;
