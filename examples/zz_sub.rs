use std::time::Instant;
fn main() {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let adapter = pollster::block_on(instance.request_adapter(&Default::default())).unwrap();
    println!("{:?}", adapter.get_info().name);
    let features = adapter.features()
        & (wgpu::Features::TIMESTAMP_QUERY
            | wgpu::Features::TIMESTAMP_QUERY_INSIDE_PASSES
            | wgpu::Features::TIMESTAMP_QUERY_INSIDE_ENCODERS);
    println!("{features:?}");
    let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
        required_features: features,
        required_limits: adapter.limits(),
        ..Default::default()
    }))
    .unwrap();
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor { label: None, source: wgpu::ShaderSource::Wgsl("@group(0) @binding(0) var<storage, read_write> x: array<u32>; @compute @workgroup_size(1) fn main() { x[0] += 1u; }".into()) });
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: None,
        layout: None,
        module: &module,
        entry_point: None,
        compilation_options: Default::default(),
        cache: None,
    });
    let buffers: Vec<_> = (0..64)
        .map(|_| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: None,
                size: 256,
                usage: wgpu::BufferUsages::STORAGE,
                mapped_at_creation: false,
            })
        })
        .collect();
    let groups: Vec<_> = buffers
        .iter()
        .map(|b| {
            device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: None,
                layout: &pipeline.get_bind_group_layout(0),
                entries: &[wgpu::BindGroupEntry { binding: 0, resource: b.as_entire_binding() }],
            })
        })
        .collect();
    let queries = device.create_query_set(&wgpu::QuerySetDescriptor {
        label: None,
        ty: wgpu::QueryType::Timestamp,
        count: 4096,
    });
    let resolved = device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: 32768,
        usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
        mapped_at_creation: false,
    });
    for round in 0..6 {
        for kind in 0..4 {
            let t0 = Instant::now();
            let mut encoder = device.create_command_encoder(&Default::default());
            match kind {
                0 => {
                    for i in 0..1000u32 {
                        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                            label: Some("a label"),
                            timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                                query_set: &queries,
                                beginning_of_pass_write_index: Some(2 * i),
                                end_of_pass_write_index: Some(2 * i + 1),
                            }),
                        });
                        pass.set_pipeline(&pipeline);
                        pass.set_bind_group(0, &groups[i as usize % 64], &[]);
                        pass.dispatch_workgroups(1, 1, 1);
                    }
                }
                1 => {
                    for i in 0..1000u32 {
                        let mut pass = encoder.begin_compute_pass(&Default::default());
                        pass.set_pipeline(&pipeline);
                        pass.set_bind_group(0, &groups[i as usize % 64], &[]);
                        pass.dispatch_workgroups(1, 1, 1);
                    }
                }
                2 => {
                    let mut pass = encoder.begin_compute_pass(&Default::default());
                    for i in 0..1000u32 {
                        pass.write_timestamp(&queries, 2 * i);
                        pass.set_pipeline(&pipeline);
                        pass.set_bind_group(0, &groups[i as usize % 64], &[]);
                        pass.dispatch_workgroups(1, 1, 1);
                        pass.write_timestamp(&queries, 2 * i + 1);
                    }
                }
                _ => {
                    let mut pass = encoder.begin_compute_pass(&Default::default());
                    for i in 0..1000u32 {
                        pass.set_pipeline(&pipeline);
                        pass.set_bind_group(0, &groups[i as usize % 64], &[]);
                        pass.dispatch_workgroups(1, 1, 1);
                    }
                }
            }
            if kind % 2 == 0 {
                encoder.resolve_query_set(&queries, 0..2000, &resolved, 0);
            }
            let t1 = Instant::now();
            let commands = encoder.finish();
            let t2 = Instant::now();
            queue.submit([commands]);
            let t3 = Instant::now();
            device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
            let t4 = Instant::now();
            if round > 1 {
                println!(
                    "{} record {:.2} finish {:.2} submit {:.2} wait {:.2} ms",
                    ["passes+ts", "passes", "one+ts", "one"][kind],
                    (t1 - t0).as_secs_f64() * 1e3,
                    (t2 - t1).as_secs_f64() * 1e3,
                    (t3 - t2).as_secs_f64() * 1e3,
                    (t4 - t3).as_secs_f64() * 1e3
                );
            }
        }
    }
}
