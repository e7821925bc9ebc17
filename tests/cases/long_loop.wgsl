// One invocation that goes round a loop 100,000 times, which is more than some software adapters let it.
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<uniform> more: f32;
@compute @workgroup_size(1)
fn main() {
    var s = x[0];
    for (var i = 0u; i < 100000u; i++) {
        s = s * 1.0001 + 0.5;
    }
    x[0] = s + more;
}
