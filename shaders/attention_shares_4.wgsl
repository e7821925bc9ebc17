// Continued in attention_rows.wgsl, with lanes_4.wgsl for products.wgsl.
//
// attention_shares.wgsl for teams of four lanes, each of which loads at four vectors and at those 16 rows further.

fn every_q(at: vec4<u32>, far: u32) -> Panel {
    return every_fourth(Share(load_q(at), load_q(at + far)));
}

fn every_k(at: vec4<u32>, far: u32) -> Panel {
    return every_fourth(Share(load_k(at), load_k(at + far)));
}

fn every_v(at: vec4<u32>, far: u32) -> Panel {
    return every_fourth(Share(load_v(at), load_v(at + far)));
}

fn every_d_o(at: vec4<u32>, far: u32) -> Panel {
    return every_fourth(Share(load_d_o(at), load_d_o(at + far)));
}
