use flopmeter::{
    execute::{cpu::Cpu, *},
    kernel::*,
    plan::*,
};
use std::time::Instant;
fn main() {
    let (m, k, n) = (512u32, 512u32, 512u32);
    let mut cpu = Cpu::new(32).unwrap();
    for (name, lanes, cl, g, dims) in [
        ("linear.forward_vec4", 64, 8, [n / 64, m / 64, 1], 0),
        ("linear.backward_input_vec4", 64, 8, [k / 64, m / 64, 1], 0),
        ("linear.backward_weight_vec4", 64, 8, [k / 64, n / 64, 1], 0),
        ("linear.forward", 64, 8, [n / 8, m / 8, 1], 0),
        ("linear_subgroup.forward_vec4", 32, 8, [n / 32, m.div_ceil(128), 1], 0),
    ] {
        let _ = dims;
        let kn: KernelName = name.parse().unwrap();
        let d: Dims = [
            ("M", m),
            ("K", k),
            ("N", n),
            ("G", 1),
            ("accumulate", 0),
            ("LANES", lanes),
            ("COLUMN_LANES", cl),
        ]
        .into_iter()
        .map(|(a, b)| (a.to_string(), b))
        .collect();
        let module = KernelModule::load(&kn, &d).unwrap();
        let t = Instant::now();
        let p = cpu.compile(&module).unwrap();
        let tc = t.elapsed();
        let mut b = vec![];
        for r in &module.resources {
            let size = match &r.kind {
                ResourceKind::Uniform { size, .. } => *size as u64,
                _ if r.name == "groups" => 8,
                _ => 4 * 512 * 512,
            };
            let id = cpu.allocate(&r.name, size).unwrap();
            let data: Vec<u8> = match &r.kind {
                ResourceKind::Uniform { members, size } => {
                    let mut v = vec![0u8; *size as usize];
                    for mb in members {
                        v[mb.offset as usize..mb.offset as usize + 4]
                            .copy_from_slice(&d[&mb.name].to_le_bytes());
                    }
                    v
                }
                _ if r.name == "groups" => [0u32, m].iter().flat_map(|x| x.to_le_bytes()).collect(),
                _ => (0..size / 4).flat_map(|i| ((i % 7) as f32 * 0.1).to_le_bytes()).collect(),
            };
            cpu.write(id, 0, &data).unwrap();
            b.push(Bound { group: r.group, binding: r.binding, buffer: id, offset: 0, size });
        }
        let mut best = f64::MAX;
        for _ in 0..4 {
            let o =
                cpu.dispatch(&Dispatch { label: "t", program: p, bindings: &b, grid: g }).unwrap();
            best = best.min(o.seconds);
            if best > 2.0 {
                break;
            }
        }
        println!(
            "{name}: compile {tc:?}, {best:.4} s, {:.2} GFLOP/s",
            2.0 * m as f64 * k as f64 * n as f64 / best / 1e9
        );
    }
}
