//! Declarations that were parsed, as text again, in which every statement and every expression begins on the line on
//! which its file has it. Knows the syntax of WGSL, and nothing of what it means.

mod statements;

use std::fmt::Display;

use ::wesl::syntax::{
    Attribute, AttributeNode, Declaration, Expression, ExpressionNode, Function, FunctionCall,
    GlobalDeclaration, GlobalDeclarationNode, Struct, TypeExpression,
};

/// The text of one file's declarations, being written. It has the lines of the file, those without a declaration empty.
pub(super) struct Sheet<'a> {
    source: &'a str,
    /// The offset of each line feed of the source.
    ends: Vec<usize>,
    text: String,
    /// Lines of the text that are done.
    line: usize,
}

impl<'a> Sheet<'a> {
    /// An empty text, in the lines of this source.
    pub fn new(source: &'a str) -> Self {
        let ends = source.bytes().enumerate().filter(|&(_, byte)| byte == b'\n').map(|(at, _)| at);
        Self { source, ends: ends.collect(), text: String::new(), line: 0 }
    }

    /// The whole text. Each line ends with a line feed, and there are as many as the source has.
    pub fn finished(mut self) -> String {
        let lines = self.source.lines().count();
        while self.line < lines {
            self.break_line();
        }
        self.text
    }

    /// A declaration behind those before it.
    pub fn declaration(&mut self, node: &GlobalDeclarationNode) {
        self.go_to(node.span().start);
        match node.node() {
            GlobalDeclaration::Void => {}
            GlobalDeclaration::Declaration(it) => {
                self.variable(it);
                self.put("; ");
            }
            GlobalDeclaration::TypeAlias(it) => {
                self.attributes(&it.attributes);
                self.put(format_args!("alias {} = ", it.ident));
                self.type_of(&it.ty);
                self.put("; ");
            }
            GlobalDeclaration::Struct(it) => self.structure(it),
            GlobalDeclaration::Function(it) => {
                self.signature(it);
                self.block(&it.body, Some(node.span().end));
            }
            GlobalDeclaration::ConstAssert(it) => {
                self.attributes(&it.attributes);
                self.put("const_assert ");
                self.expression(&it.expression);
                self.put("; ");
            }
        }
    }

    /// What stands before all declarations, on the first line that begins with the same word.
    pub fn directive(&mut self, directive: &impl Display) {
        let directive = directive.to_string();
        let word: String = directive.chars().take_while(char::is_ascii_alphabetic).collect();
        let stated = self.source.lines().skip(self.line);
        let found = stated
            .take_while(|line| !line.contains('{'))
            .position(|line| line.trim_start().starts_with(&word));
        for _ in 0..found.unwrap_or(0) {
            self.break_line();
        }
        self.put(directive);
        self.put(" ");
    }

    fn break_line(&mut self) {
        self.text.push('\n');
        self.line += 1;
    }

    /// Goes on to the line of a place in the source, unless it is done.
    fn go_to(&mut self, place: usize) {
        let line = self.ends.partition_point(|&end| end < place);
        while self.line < line {
            self.break_line();
        }
    }

    fn put(&mut self, text: impl Display) {
        self.text.push_str(&text.to_string());
    }

    fn structure(&mut self, it: &Struct) {
        self.attributes(&it.attributes);
        self.put(format_args!("struct {} {{ ", it.ident));
        for member in &it.members {
            self.go_to(member.span().start);
            self.attributes(&member.attributes);
            self.put(format_args!("{}: ", member.ident));
            self.type_of(&member.ty);
            self.put(", ");
        }
        self.put("} ");
    }

    fn signature(&mut self, it: &Function) {
        self.attributes(&it.attributes);
        self.put(format_args!("fn {}(", it.ident));
        for (index, parameter) in it.parameters.iter().enumerate() {
            self.separate(index);
            self.attributes(&parameter.attributes);
            self.put(format_args!("{}: ", parameter.ident));
            self.type_of(&parameter.ty);
        }
        self.put(") ");
        if let Some(ty) = &it.return_type {
            self.put("-> ");
            self.attributes(&it.return_attributes);
            self.type_of(ty);
            self.put(" ");
        }
    }

    fn variable(&mut self, it: &Declaration) {
        self.attributes(&it.attributes);
        self.put(format_args!("{} {}", it.kind, it.ident));
        if let Some(ty) = &it.ty {
            self.put(": ");
            self.type_of(ty);
        }
        if let Some(value) = &it.initializer {
            self.put(" = ");
            self.expression(value);
        }
    }

    fn attributes(&mut self, attributes: &[AttributeNode]) {
        for attribute in attributes {
            self.go_to(attribute.span().start);
            // The reader has no visibility of its own.
            if !matches!(attribute.node(), Attribute::Publish) {
                self.put(format_args!("{} ", attribute.node()));
            }
        }
    }

    fn expression(&mut self, node: &ExpressionNode) {
        self.go_to(node.span().start);
        match node.node() {
            Expression::Literal(it) => match self.source.get(node.span().range()) {
                // As it was written: no digit of it is lost.
                Some(stated) if is_literal(stated) => self.put(stated),
                _ => self.put(it),
            },
            Expression::Parenthesized(it) => {
                self.put("(");
                self.expression(&it.expression);
                self.put(")");
            }
            Expression::NamedComponent(it) => {
                self.expression(&it.base);
                self.put(format_args!(".{}", it.component));
            }
            Expression::Indexing(it) => {
                self.expression(&it.base);
                self.put("[");
                self.expression(&it.index);
                self.put("]");
            }
            // Two signs in a row are no decrement.
            Expression::Unary(it) => {
                self.put(format_args!("{} ", it.operator));
                self.expression(&it.operand);
            }
            Expression::Binary(it) => {
                self.expression(&it.left);
                self.put(format_args!(" {} ", it.operator));
                self.expression(&it.right);
            }
            Expression::FunctionCall(it) => self.call(it),
            Expression::TypeOrIdentifier(it) => self.type_of(it),
        }
    }

    fn call(&mut self, it: &FunctionCall) {
        self.type_of(&it.ty);
        self.put("(");
        self.list(&it.arguments);
        self.put(")");
    }

    fn type_of(&mut self, it: &TypeExpression) {
        if let Some(path) = &it.path {
            self.put(format_args!("{path}::"));
        }
        self.put(&it.ident);
        if let Some(arguments) = &it.template_args {
            self.put("<");
            self.list(arguments.iter().map(|argument| &argument.expression));
            self.put(">");
        }
    }

    fn list<'n>(&mut self, nodes: impl IntoIterator<Item = &'n ExpressionNode>) {
        for (index, node) in nodes.into_iter().enumerate() {
            self.separate(index);
            self.expression(node);
        }
    }

    /// What stands before an item of a list.
    fn separate(&mut self, index: usize) {
        if index > 0 {
            self.put(", ");
        }
    }
}

/// Whether a text may be one literal and nothing else.
fn is_literal(text: &str) -> bool {
    let begins = text.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let goes_on = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    matches!(text, "true" | "false") || begins && text.chars().all(goes_on)
}
