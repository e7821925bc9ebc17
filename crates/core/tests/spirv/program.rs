//! Random programs of structured control flow, written in SPIR-V: selections with and without phis, loops that are
//! left and continued early, switches, early returns, branches on constants, functions. All of them end.

use rspirv::{
    binary::Assemble,
    dr::{Builder, Operand},
    spirv::*,
};

/// Loops inside each other.
const DEPTH: usize = 3;

struct Program<'a> {
    b: Builder,
    choices: std::slice::Iter<'a, u8>,
    void: Word,
    boolean: Word,
    uint: Word,
    float: Word,
    /// What decides, and what is computed.
    state: Word,
    sum: Word,
    rounds: [Word; DEPTH],
    /// A constant that holds and one that does not.
    constants: [Word; 2],
    functions: Vec<Word>,
}

/// Where a loop is left and continued.
type Around = Option<(Word, Word)>;

/// A program that makes these choices. It reads what it decides by from its buffer, and leaves there what it
/// computed.
pub fn program(choices: &[u8]) -> Vec<u32> {
    let mut b = Builder::new();
    b.set_version(1, 3);
    b.capability(Capability::Shader);
    b.memory_model(AddressingModel::Logical, MemoryModel::GLSL450);
    let (void, boolean, uint) = (b.type_void(), b.type_bool(), b.type_int(32, 0));
    let float = b.type_float(32, None);
    let nothing = b.type_function(void, []);
    let private = |b: &mut Builder, ty, bits| {
        let (pointer, first) =
            (b.type_pointer(None, StorageClass::Private, ty), b.constant_bit32(ty, bits));
        b.variable(pointer, None, StorageClass::Private, Some(first))
    };
    let state = private(&mut b, uint, 0);
    let sum = private(&mut b, float, 1_f32.to_bits());
    let rounds = [(); DEPTH].map(|()| private(&mut b, uint, 0));
    let constants = [b.spec_constant_true(boolean), b.constant_false(boolean)];
    let array = b.type_runtime_array(uint);
    let block = b.type_struct([array]);
    b.decorate(array, Decoration::ArrayStride, [Operand::LiteralBit32(4)]);
    b.decorate(block, Decoration::Block, []);
    b.member_decorate(block, 0, Decoration::Offset, [Operand::LiteralBit32(0)]);
    let pointer = b.type_pointer(None, StorageClass::StorageBuffer, block);
    let element = b.type_pointer(None, StorageClass::StorageBuffer, uint);
    let buffer = b.variable(pointer, None, StorageClass::StorageBuffer, None);
    b.decorate(buffer, Decoration::DescriptorSet, [Operand::LiteralBit32(0)]);
    b.decorate(buffer, Decoration::Binding, [Operand::LiteralBit32(0)]);
    let numbers = [0, 1, 2].map(|n| b.constant_bit32(uint, n));

    let choices = choices.iter();
    let functions = Vec::new();
    let mut its = Program {
        b,
        choices,
        void,
        boolean,
        uint,
        float,
        state,
        sum,
        rounds,
        constants,
        functions,
    };
    for _ in 0..2 {
        let function = its.b.begin_function(void, None, FunctionControl::NONE, nothing).unwrap();
        its.b.begin_block(None).unwrap();
        // What is called has no loop of its own: loops keep their rounds in common variables.
        if !its.statements(2, DEPTH, None) {
            its.b.ret().unwrap();
        }
        its.b.end_function().unwrap();
        its.functions.push(function);
    }
    let body = its.b.begin_function(void, None, FunctionControl::NONE, nothing).unwrap();
    its.b.begin_block(None).unwrap();
    if !its.statements(6, 0, None) {
        its.b.ret().unwrap();
    }
    its.b.end_function().unwrap();
    let main = its.b.begin_function(void, None, FunctionControl::NONE, nothing).unwrap();
    its.b.begin_block(None).unwrap();
    let place = |b: &mut Builder, at: usize| {
        b.access_chain(element, None, buffer, [numbers[0], numbers[at]]).unwrap()
    };
    let given = place(&mut its.b, 0);
    let given = its.b.load(uint, None, given, None, []).unwrap();
    its.b.store(state, given, None, []).unwrap();
    its.b.function_call(void, None, body, []).unwrap();
    let left = its.b.load(uint, None, state, None, []).unwrap();
    let to = place(&mut its.b, 1);
    its.b.store(to, left, None, []).unwrap();
    its.b.ret().unwrap();
    its.b.end_function().unwrap();
    its.b.entry_point(ExecutionModel::GLCompute, main, "main", []);
    its.b.execution_mode(main, ExecutionMode::LocalSize, [1, 1, 1]);
    its.b.module().assemble()
}

impl Program<'_> {
    fn choice(&mut self, of: u8) -> u8 {
        self.choices.next().map_or(0, |choice| choice % of)
    }

    fn number(&mut self, value: u32) -> Word {
        self.b.constant_bit32(self.uint, value)
    }

    /// The next of the numbers that decide, below `below`, a power of two.
    fn next(&mut self, below: u32) -> Word {
        let (factor, step) = (self.number(1_664_525), self.number(1_013_904_223));
        let (shift, mask) = (self.number(16), self.number(below - 1));
        let uint = self.uint;
        let old = self.b.load(uint, None, self.state, None, []).unwrap();
        let product = self.b.i_mul(uint, None, old, factor).unwrap();
        let new = self.b.i_add(uint, None, product, step).unwrap();
        self.b.store(self.state, new, None, []).unwrap();
        let high = self.b.shift_right_logical(uint, None, new, shift).unwrap();
        self.b.bitwise_and(uint, None, high, mask).unwrap()
    }

    fn condition(&mut self) -> Word {
        let (value, one) = (self.next(2), self.number(1));
        self.b.u_less_than(self.boolean, None, value, one).unwrap()
    }

    /// Adds to, or multiplies, the sum.
    fn compute(&mut self, add: bool) -> Word {
        let float = self.float;
        let old = self.b.load(float, None, self.sum, None, []).unwrap();
        let new = if add {
            self.b.f_add(float, None, old, old)
        } else {
            self.b.f_mul(float, None, old, old)
        };
        let new = new.unwrap();
        self.b.store(self.sum, new, None, []).unwrap();
        new
    }

    /// Writes some statements, `loops` loops deep; whether control does not come to their end.
    fn statements(&mut self, most: u8, loops: usize, around: Around) -> bool {
        for _ in 0..1 + self.choice(most) {
            if self.statement(loops, around) {
                return true;
            }
        }
        false
    }

    fn arm(&mut self, label: Word, merge: Word, loops: usize, around: Around) -> bool {
        self.b.begin_block(Some(label)).unwrap();
        let ended = self.statements(2, loops, around);
        if !ended {
            self.b.branch(merge).unwrap();
        }
        ended
    }

    fn statement(&mut self, loops: usize, around: Around) -> bool {
        let may_nest = self.choices.len() > 0;
        match self.choice(12) {
            0 => {
                self.compute(true);
            }
            1 => {
                self.compute(false);
            }
            // A quotient that nobody uses.
            2 => {
                let old = self.b.load(self.float, None, self.sum, None, []).unwrap();
                self.b.f_div(self.float, None, old, old).unwrap();
            }
            3 if may_nest => {
                let condition = match self.choice(4) {
                    0 => self.constants[0],
                    1 => self.constants[1],
                    _ => self.condition(),
                };
                let (then, merge) = (self.b.id(), self.b.id());
                self.b.selection_merge(merge, SelectionControl::NONE).unwrap();
                self.b.branch_conditional(condition, then, merge, []).unwrap();
                self.arm(then, merge, loops, around);
                self.b.begin_block(Some(merge)).unwrap();
            }
            4 if may_nest => {
                let condition = self.condition();
                let labels @ [then, other, merge] = [(); 3].map(|()| self.b.id());
                self.b.selection_merge(merge, SelectionControl::NONE).unwrap();
                self.b.branch_conditional(condition, then, other, []).unwrap();
                let ended = [then, other].map(|label| self.arm(label, merge, loops, around));
                self.b.begin_block(Some(labels[2])).unwrap();
                if ended == [true, true] {
                    self.b.unreachable().unwrap();
                    return true;
                }
            }
            // The same with a value that meets.
            5 => {
                let condition = self.condition();
                let [then, other, merge] = [(); 3].map(|()| self.b.id());
                self.b.selection_merge(merge, SelectionControl::NONE).unwrap();
                self.b.branch_conditional(condition, then, other, []).unwrap();
                let values = [(then, true), (other, false)].map(|(label, add)| {
                    self.b.begin_block(Some(label)).unwrap();
                    let value = self.compute(add);
                    self.b.branch(merge).unwrap();
                    (value, label)
                });
                self.b.begin_block(Some(merge)).unwrap();
                let value = self.b.phi(self.float, None, values).unwrap();
                self.b.store(self.sum, value, None, []).unwrap();
            }
            6 if may_nest && loops < DEPTH => self.repetition(loops),
            7 if may_nest => {
                let selector = self.next(4);
                let labels @ [a, b, default, merge] = [(); 4].map(|()| self.b.id());
                self.b.selection_merge(merge, SelectionControl::NONE).unwrap();
                let arms = [(Operand::LiteralBit32(0), a), (Operand::LiteralBit32(2), b)];
                self.b.switch(selector, default, arms).unwrap();
                let ended = [a, b, default].map(|label| self.arm(label, merge, loops, around));
                self.b.begin_block(Some(labels[3])).unwrap();
                if ended == [true; 3] {
                    self.b.unreachable().unwrap();
                    return true;
                }
            }
            8 if !self.functions.is_empty() => {
                let which = usize::from(self.choice(2)) % self.functions.len();
                let function = self.functions[which];
                self.b.function_call(self.void, None, function, []).unwrap();
            }
            9 => {
                self.b.ret().unwrap();
                return true;
            }
            choice @ (10 | 11) if around.is_some() => {
                let (out, on) = around.unwrap();
                self.b.branch(if choice == 10 { out } else { on }).unwrap();
                return true;
            }
            _ => {}
        }
        false
    }

    /// A loop of up to three rounds.
    fn repetition(&mut self, loops: usize) {
        let (rounds, uint) = (self.rounds[loops], self.uint);
        let (most, zero, one) = (self.next(4), self.number(0), self.number(1));
        self.b.store(rounds, zero, None, []).unwrap();
        let [head, body, on, out] = [(); 4].map(|()| self.b.id());
        self.b.branch(head).unwrap();
        self.b.begin_block(Some(head)).unwrap();
        let done = self.b.load(uint, None, rounds, None, []).unwrap();
        let more = self.b.u_less_than(self.boolean, None, done, most).unwrap();
        self.b.loop_merge(out, on, LoopControl::NONE, []).unwrap();
        self.b.branch_conditional(more, body, out, []).unwrap();
        self.arm(body, on, loops + 1, Some((out, on)));
        self.b.begin_block(Some(on)).unwrap();
        let done = self.b.load(uint, None, rounds, None, []).unwrap();
        let done = self.b.i_add(uint, None, done, one).unwrap();
        self.b.store(rounds, done, None, []).unwrap();
        self.b.branch(head).unwrap();
        self.b.begin_block(Some(out)).unwrap();
    }
}
