// Continued in attention_shares.wgsl.
//
// Blocks of scores whose rows a team of lanes loads together: each of them a share, which the subgroup passes around.

// The logarithms of sums of four rows, and their deltas.

fn each_lse(rows: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(lse[rows.x], lse[rows.y], lse[rows.z], lse[rows.w]);
}

fn each_delta(rows: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(delta[rows.x], delta[rows.y], delta[rows.z], delta[rows.w]);
}

// q . k for 32 keys, of which this lane loads a `share`, and a tile of four queries as columns.
fn scores(own_row: vec4<u32>, share: vec4<u32>, far: u32, busy: bool) -> Block {
    var own_at = own_row;
    var share_at = share;
    var c = Block();
    for (var step = 0u; step < steps(); step++) {
        let others = every_k(share_at, far);
        if busy {
            let own = transpose(load_q(own_at));
            c.r0 = product(c.r0, others.r0, own);
            c.r4 = product(c.r4, others.r4, own);
            c.r8 = product(c.r8, others.r8, own);
            c.r12 = product(c.r12, others.r12, own);
            c.r16 = product(c.r16, others.r16, own);
            c.r20 = product(c.r20, others.r20, own);
            c.r24 = product(c.r24, others.r24, own);
            c.r28 = product(c.r28, others.r28, own);
        }
        own_at += 1u;
        share_at += 1u;
    }
    return c;
}

// d_o . v likewise: the gradient by p.
fn slopes(own_row: vec4<u32>, share: vec4<u32>, far: u32, busy: bool) -> Block {
    var own_at = own_row;
    var share_at = share;
    var c = Block();
    for (var step = 0u; step < steps(); step++) {
        let others = every_v(share_at, far);
        if busy {
            let own = transpose(load_d_o(own_at));
            c.r0 = product(c.r0, others.r0, own);
            c.r4 = product(c.r4, others.r4, own);
            c.r8 = product(c.r8, others.r8, own);
            c.r12 = product(c.r12, others.r12, own);
            c.r16 = product(c.r16, others.r16, own);
            c.r20 = product(c.r20, others.r20, own);
            c.r24 = product(c.r24, others.r24, own);
            c.r28 = product(c.r28, others.r28, own);
        }
        own_at += 1u;
        share_at += 1u;
    }
    return c;
}

// q . k for a tile of four keys, and 32 queries as columns, of which this lane loads a `share`.
fn turned_scores(own_row: vec4<u32>, share: vec4<u32>, far: u32, busy: bool) -> Block {
    var own_at = own_row;
    var share_at = share;
    var c = Block();
    for (var step = 0u; step < steps(); step++) {
        let others = every_q(share_at, far);
        if busy {
            let own = load_k(own_at);
            c.r0 = product(c.r0, own, transpose(others.r0));
            c.r4 = product(c.r4, own, transpose(others.r4));
            c.r8 = product(c.r8, own, transpose(others.r8));
            c.r12 = product(c.r12, own, transpose(others.r12));
            c.r16 = product(c.r16, own, transpose(others.r16));
            c.r20 = product(c.r20, own, transpose(others.r20));
            c.r24 = product(c.r24, own, transpose(others.r24));
            c.r28 = product(c.r28, own, transpose(others.r28));
        }
        own_at += 1u;
        share_at += 1u;
    }
    return c;
}

// d_o . v likewise.
fn turned_slopes(own_row: vec4<u32>, share: vec4<u32>, far: u32, busy: bool) -> Block {
    var own_at = own_row;
    var share_at = share;
    var c = Block();
    for (var step = 0u; step < steps(); step++) {
        let others = every_d_o(share_at, far);
        if busy {
            let own = load_v(own_at);
            c.r0 = product(c.r0, own, transpose(others.r0));
            c.r4 = product(c.r4, own, transpose(others.r4));
            c.r8 = product(c.r8, own, transpose(others.r8));
            c.r12 = product(c.r12, own, transpose(others.r12));
            c.r16 = product(c.r16, own, transpose(others.r16));
            c.r20 = product(c.r20, own, transpose(others.r20));
            c.r24 = product(c.r24, own, transpose(others.r24));
            c.r28 = product(c.r28, own, transpose(others.r28));
        }
        own_at += 1u;
        share_at += 1u;
    }
    return c;
}
