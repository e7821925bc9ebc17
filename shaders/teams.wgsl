// Continued in products.wgsl.
//
// Teams of lanes that share the sums of one row or one column. A workgroup of LANES invocations has LANES / TEAM teams.
// Each lane begins with a term of its own, and its share is added to a total that begins at zero: that is one addition
// for each term, as if one invocation had summed them up. A lane that has no term takes no part.

override LANES: u32;
// Lanes of a team: a power of two that divides LANES.
override TEAM: u32;

// Shares that one lane adds up in one stage of a total.
const FOLD = 8u;

// One slot for each lane, through which shares of a sum are added up, and those of several sums at once.
var<workgroup> slots: array<f32, LANES>;
var<workgroup> slots_vec2: array<vec2<f32>, LANES>;
var<workgroup> slots_vec4: array<vec4<f32>, LANES>;
// What the leader of each team has found out about its row.
var<workgroup> found: array<vec2<f32>, LANES>;

// This invocation's place in its team.
struct Place {
    lane: u32,    // in the workgroup
    rank: u32,    // in the team; rank 0 leads
    stride: u32,  // between the lanes of the team
    item: u32,    // the row or the column that the team works on
    members: u32, // lanes of the team that have a term: those of the lowest ranks
    busy: bool,   // whether this lane is among them; others only keep up with the barriers
}

// A place among neighbouring lanes that share a row; there are so many rows, and each has a term for every lane.
fn place_in_row(group: vec3<u32>, groups: vec3<u32>, lane: u32, rows: u32) -> Place {
    let row = (group.y * groups.x + group.x) * (LANES / TEAM) + lane / TEAM;
    let busy = row < rows;
    return Place(lane, lane % TEAM, 1u, row, select(0u, TEAM, busy), busy);
}

// A place in a workgroup whose neighbouring lanes have neighbouring columns, from the first column of the workgroup on;
// there are so many columns of so many terms each.
fn place_in_column(lane: u32, first: u32, columns: u32, terms: u32) -> Place {
    let stride = LANES / TEAM;
    let column = first + lane % stride;
    let members = select(0u, min(TEAM, terms), column < columns);
    return Place(lane, lane / stride, stride, column, members, lane / stride < members);
}

// Where the elements of its row that this lane takes in steps of TEAM begin and end, where rows have `width`: an end of
// zero past the last row, so that there are none.
fn span_of(place: Place, width: u32) -> vec2<u32> {
    let first = place.item * width;
    return vec2(first + place.rank, select(0u, first + width, place.busy));
}

// The sum of a team's shares from `start` on, in its leader: an addition for each member.
fn total(start: f32, share: f32, place: Place) -> f32 {
    slots[place.lane] = share;
    var size = TEAM;
    for (; size > FOLD; size /= FOLD) {
        workgroupBarrier();
        let left = size / FOLD;
        if place.rank < min(left, place.members) {
            var sum = slots[place.lane];
            let end = min(size, place.members);
            for (var other = place.rank + left; other < end; other += left) {
                sum += slots[place.lane + (other - place.rank) * place.stride];
            }
            slots[place.lane] = sum;
        }
    }
    workgroupBarrier();
    var sum = start;
    if place.rank == 0u {
        for (var other = 0u; other < min(size, place.members); other++) {
            sum += slots[place.lane + other * place.stride];
        }
    }
    return sum;
}

// The same of two sums at once.
fn total_vec2(start: vec2<f32>, share: vec2<f32>, place: Place) -> vec2<f32> {
    slots_vec2[place.lane] = share;
    var size = TEAM;
    for (; size > FOLD; size /= FOLD) {
        workgroupBarrier();
        let left = size / FOLD;
        if place.rank < min(left, place.members) {
            var sum = slots_vec2[place.lane];
            let end = min(size, place.members);
            for (var other = place.rank + left; other < end; other += left) {
                sum += slots_vec2[place.lane + (other - place.rank) * place.stride];
            }
            slots_vec2[place.lane] = sum;
        }
    }
    workgroupBarrier();
    var sum = start;
    if place.rank == 0u {
        for (var other = 0u; other < min(size, place.members); other++) {
            sum += slots_vec2[place.lane + other * place.stride];
        }
    }
    return sum;
}

// The same of four sums at once.
fn total_vec4(start: vec4<f32>, share: vec4<f32>, place: Place) -> vec4<f32> {
    slots_vec4[place.lane] = share;
    var size = TEAM;
    for (; size > FOLD; size /= FOLD) {
        workgroupBarrier();
        let left = size / FOLD;
        if place.rank < min(left, place.members) {
            var sum = slots_vec4[place.lane];
            let end = min(size, place.members);
            for (var other = place.rank + left; other < end; other += left) {
                sum += slots_vec4[place.lane + (other - place.rank) * place.stride];
            }
            slots_vec4[place.lane] = sum;
        }
    }
    workgroupBarrier();
    var sum = start;
    if place.rank == 0u {
        for (var other = 0u; other < min(size, place.members); other++) {
            sum += slots_vec4[place.lane + other * place.stride];
        }
    }
    return sum;
}

// The sum of a column's shares from the lanes' `start` on, in its leader, where every lane of a team has a term: `firsts`
// lanes add up a part of the shares each, and the leader their sums, which is TEAM + firsts - 1 additions.
fn total_of_firsts(start: f32, share: f32, firsts: u32, place: Place) -> f32 {
    slots[place.lane] = share;
    workgroupBarrier();
    var sum = start;
    if place.busy && place.rank < firsts {
        for (var other = 0u; place.rank + other < TEAM; other += firsts) {
            sum += slots[place.lane + other * place.stride];
        }
        slots[place.lane] = sum;
    }
    workgroupBarrier();
    if place.busy && place.rank == 0u {
        for (var other = 1u; other < firsts; other++) {
            sum += slots[place.lane + other * place.stride];
        }
    }
    return sum;
}

// The same of four sums at once.
fn total_of_firsts_vec4(start: vec4<f32>, share: vec4<f32>, firsts: u32, place: Place) -> vec4<f32> {
    slots_vec4[place.lane] = share;
    workgroupBarrier();
    var sum = start;
    if place.busy && place.rank < firsts {
        for (var other = 0u; place.rank + other < TEAM; other += firsts) {
            sum += slots_vec4[place.lane + other * place.stride];
        }
        slots_vec4[place.lane] = sum;
    }
    workgroupBarrier();
    if place.busy && place.rank == 0u {
        for (var other = 1u; other < firsts; other++) {
            sum += slots_vec4[place.lane + other * place.stride];
        }
    }
    return sum;
}

// Keeps what the leader of a row has found out for its team.
fn tell(value: vec2<f32>, place: Place) {
    found[place.lane / TEAM] = value;
}

// What the leader has told its team, in every lane.
fn told(place: Place) -> vec2<f32> {
    workgroupBarrier();
    return found[place.lane / TEAM];
}

// a . b in the order of the components, beginning with the first product.
fn first_chain(a: vec4<f32>, b: vec4<f32>) -> f32 {
    return fma(a.w, b.w, fma(a.z, b.z, fma(a.y, b.y, a.x * b.x)));
}

// The sum of the components: 3 additions.
fn across(a: vec4<f32>) -> f32 {
    return (a.x + a.y) + (a.z + a.w);
}
