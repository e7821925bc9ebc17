use flopmeter::{execute::gpu::Gpu, execute::*, measure::*, model::lower::*, model::*};
use std::ops::ControlFlow;
fn main() {
    let name = std::env::args().nth(1).unwrap_or("resnet-bk".into());
    let t = std::time::Instant::now();
    let model = Model::resolve(&name, Vec::<String>::new()).unwrap();
    let shape = BatchShape::resolve(AskedShape::default(), &model.config).unwrap();
    let mut gpu = Gpu::open("auto").unwrap();
    println!("open {:?}", t.elapsed());
    let training = Training {
        scope: Scope::Step,
        optimizer: Optimizer::AdamW,
        bk_gradient: BkGradient::Hybrid,
    };
    let plan = lower(&model.config, shape, training, &gpu.adapter().limits).unwrap();
    println!("{} passes {} MB", plan.passes.len(), plan.bytes() >> 20);
    let inputs = inputs(&plan, &model.weights(0).unwrap(), &Batch::seeded(shape, &model.config, 0));
    println!("inputs {:?}", t.elapsed());
    let mut s = Session::open(&mut gpu, &plan, &inputs).unwrap();
    println!("session {:?}", t.elapsed());
    let m = s.measure(1, &mut |_p| ControlFlow::Continue(())).unwrap();
    println!("measured {:?} {:?}", t.elapsed(), m.timing);
    println!("loss {:?}", s.read(plan.outputs["loss"].windows[0]));
    let v = flopmeter::check::passes(&plan, &m);
    let mut rows: Vec<_> = plan.passes.iter().zip(&m.passes).zip(&v).collect();
    rows.sort_by(|a, b| b.0.1.seconds.unwrap().total_cmp(&a.0.1.seconds.unwrap()));
    for ((p, q), v) in &rows[..25.min(rows.len())] {
        let f = q.cost.ops.flops(Default::default());
        println!(
            "{:8.2} ms {:>14} {:7.2} GF/s  {} {:?}",
            q.seconds.unwrap() * 1e3,
            f,
            f as f64 / q.seconds.unwrap() / 1e9,
            p.label,
            v
        );
    }
    for ((p, _), v) in &rows {
        if *v != &flopmeter::check::Verdict::Match {
            println!("{} {:?}", p.label, v);
        }
    }
}
