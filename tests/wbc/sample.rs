//! A program made by hand that uses every pool, every kind of function and every kind of operand.

use walrus::bytecode::*;
use walrus::source::{FileId, Span};

pub const SOURCE: &str = "\
import \"std/math\";
let total = 0;
fn sum_to : n {
    for i in 0..n {
        total += i;
    }
    return total;
}
struct Point {
    fn init : self, x { self.x = x; }
    fn origin : { return Point(0); }
}
println(sum_to(10), Point(2.5), math.sqrt(2));
";

/// Interns strings.
#[derive(Default)]
pub struct Names(pub Strings);

impl Names {
    pub fn id(&mut self, text: &str) -> StrId {
        let found = (0..self.0.len() as u32).map(StrId).find(|id| self.0.get(*id) == Some(text));
        found.unwrap_or_else(|| {
            self.0.text.push_str(text);
            self.0.ends.push(self.0.text.len() as u32);
            StrId(self.0.len() as u32 - 1)
        })
    }
}

fn span(lo: u32, hi: u32) -> Span {
    Span { file: FileId(0), lo, hi }
}

/// The compiled form of [`SOURCE`], with a closure and a handler more.
pub fn program() -> Program {
    let mut names = Names::default();
    let mut code = Vec::new();
    let mut functions = Vec::new();
    let mut add = |name, kind, params, registers, sites, captures, handlers, ops: Vec<Op>| {
        let start = code.len() as u32;
        functions.push(Function {
            name,
            kind,
            module: ModuleId(0),
            params,
            required: params,
            registers,
            code: Run { start, len: ops.len() as u32 },
            sites,
            captures,
            handlers,
        });
        code.extend(ops);
    };

    let no_sites = Run { start: 2, len: 0 };
    // 0: the body of the file.
    add(
        names.id("prog"),
        FunctionKind::Body,
        0,
        8,
        Run { start: 0, len: 1 },
        vec![],
        vec![Handler { start: 8, end: 12, target: 12, error: Reg(3) }],
        vec![
            Op::LoadInt { dst: Reg(0), value: 0 },
            Op::SetGlobal { src: Reg(0), global: GlobalId(0) },
            Op::LoadInt { dst: Reg(1), value: 10 },
            Op::CallFn { base: Reg(0), func: FuncId(1) },
            Op::LoadConst { dst: Reg(4), constant: ConstId(1) },
            Op::New { base: Reg(1), def: StructId(0) },
            Op::LoadInt { dst: Reg(3), value: 2 },
            Op::CallBuiltin { base: Reg(2), builtin: BuiltinId(0), argc: 1 },
            Op::LoadModule { dst: Reg(6), module: ModuleId(1) },
            Op::CallMethod { base: Reg(5), argc: 0, site: SiteId(0) },
            Op::MakeClosure { dst: Reg(5), func: FuncId(4) },
            Op::Call { base: Reg(5), argc: 0 },
            Op::Print { base: Reg(0), count: 3, newline: 1 },
            Op::LoadStruct { dst: Reg(5), def: StructId(0) },
            Op::MakeDict { dst: Reg(5), base: Reg(0), count: 1 },
            Op::JumpEqK { a: Reg(5), k: ShortConst(2), to: 0 },
            Op::ReturnVoid {},
        ],
    );
    // 1: sum_to.
    add(
        names.id("sum_to"),
        FunctionKind::Plain,
        1,
        5,
        no_sites,
        vec![],
        vec![],
        vec![
            Op::LoadInt { dst: Reg(1), value: 0 },
            Op::Move { dst: Reg(2), src: Reg(0) },
            Op::ForPrep { base: Reg(1), exit: 4 },
            Op::GetGlobal { dst: Reg(4), global: GlobalId(0) },
            Op::Add { dst: Reg(4), a: Reg(4), b: Reg(3) },
            Op::SetGlobal { src: Reg(4), global: GlobalId(0) },
            Op::ForLoop { base: Reg(1), back: -4 },
            Op::GetGlobal { dst: Reg(0), global: GlobalId(0) },
            Op::AddK { dst: Reg(0), a: Reg(0), k: ShortConst(0) },
            Op::Return { src: Reg(0) },
        ],
    );
    // 2 and 3: the methods of Point.
    add(
        names.id("Point.init"),
        FunctionKind::Method(StructId(0)),
        2,
        2,
        Run { start: 1, len: 1 },
        vec![],
        vec![],
        vec![Op::SetMember { object: Reg(0), value: Reg(1), site: SiteId(0) }, Op::ReturnVoid {}],
    );
    add(
        names.id("Point.origin"),
        FunctionKind::Static(StructId(0)),
        0,
        4,
        no_sites,
        vec![],
        vec![],
        vec![
            Op::LoadInt { dst: Reg(3), value: 0 },
            Op::New { base: Reg(0), def: StructId(0) },
            Op::Return { src: Reg(0) },
        ],
    );
    // 4: a closure over register 0 of the body.
    add(
        names.id("<anonymous>"),
        FunctionKind::Plain,
        0,
        1,
        no_sites,
        vec![CaptureSource::Register(Reg(0))],
        vec![],
        vec![Op::GetCapture { dst: Reg(0), capture: CaptureId(0) }, Op::Return { src: Reg(0) }],
    );

    let at = |needle: &str| SOURCE.find(needle).expect("the source has it") as u32;
    let lines = [
        (0, "let total"),
        (2, "sum_to(10)"),
        (4, "Point(2.5)"),
        (6, "math.sqrt"),
        (8, "println"),
        (17, "for i"),
        (20, "total += i"),
        (24, "return total"),
        (27, "self.x = x"),
        (29, "Point(0)"),
        (32, "math"),
    ];
    Program {
        sites: vec![names.id("pi"), names.id("x")],
        constants: vec![
            Constant::Int(1 << 40),
            Constant::Float(2.5f64.to_bits()),
            Constant::Str(names.id("größe")),
            Constant::Float(f64::NAN.to_bits()),
        ],
        structs: vec![StructDef {
            name: names.id("Point"),
            module: ModuleId(0),
            fields: vec![names.id("x")],
            methods: vec![
                Method { name: names.id("init"), func: FuncId(2), takes_self: true },
                Method { name: names.id("origin"), func: FuncId(3), takes_self: false },
            ],
        }],
        modules: vec![
            Module {
                name: names.id("prog"),
                kind: ModuleKind::File(FuncId(0)),
                exports: vec![Export { name: names.id("total"), global: GlobalId(0) }],
            },
            Module { name: names.id("math"), kind: ModuleKind::Std(names.id("std/math")), exports: vec![] },
        ],
        globals: vec![Global { name: names.id("total"), module: ModuleId(0) }],
        builtins: vec![BuiltinRef { module: names.id("std/math"), name: names.id("sqrt") }],
        loops: vec![LoopRegion {
            func: FuncId(1),
            kind: LoopKind::Range,
            header: 3,
            end: 7,
            back_edges: vec![6],
            exits: vec![7],
            parent: None,
            depth: 1,
            marked: false,
            span: span(at("for i"), at("for i") + 13),
        }],
        main: ModuleId(0),
        debug: Some(DebugInfo {
            files: vec![SourceFile { name: "prog.walrus".into(), text: SOURCE.into() }],
            lines: lines
                .iter()
                .map(|(pc, text)| LineEntry { pc: *pc, span: span(at(text), at(text) + text.len() as u32) })
                .collect(),
            functions: vec![
                span(0, 6),
                span(at("fn sum_to"), at("fn sum_to") + 9),
                span(at("fn init"), at("fn init") + 7),
                span(at("fn origin"), at("fn origin") + 9),
                span(0, 0),
            ],
            locals: vec![
                LocalName { func: FuncId(1), register: Reg(0), name: names.id("n"), start: 0, end: 10 },
                LocalName { func: FuncId(1), register: Reg(3), name: names.id("i"), start: 3, end: 7 },
                LocalName { func: FuncId(2), register: Reg(0), name: names.id("self"), start: 0, end: 2 },
            ],
        }),
        code,
        functions,
        strings: names.0,
        facts: None,
        refused: vec![],
    }
}
