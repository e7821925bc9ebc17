// Continued in attention_rows.wgsl, with lanes.wgsl for products.wgsl.
//
// What lanes that load their shares at four vectors have together: 32 rows at four steps. Rows 16 further are `far`
// vectors further.

fn every_q(at: vec4<u32>, far: u32) -> Panel {
    return every_eighth(load_q(at));
}

fn every_k(at: vec4<u32>, far: u32) -> Panel {
    return every_eighth(load_k(at));
}

fn every_v(at: vec4<u32>, far: u32) -> Panel {
    return every_eighth(load_v(at));
}

fn every_d_o(at: vec4<u32>, far: u32) -> Panel {
    return every_eighth(load_d_o(at));
}
