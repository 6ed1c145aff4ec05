//! Any program at all, sense or nonsense, comes out of its file as it went in, and prints.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use walrus::bytecode::disassemble::disassemble;
use walrus::bytecode::wbc;
use walrus::bytecode::*;
use walrus::source::{FileId, Span};

use crate::meta;

fn small_or_any() -> impl Strategy<Value = u32> {
    prop_oneof![0..8u32, any::<u32>()]
}

fn op() -> impl Strategy<Value = Op> {
    (0..Opcode::ALL.len() as u64, any::<u64>()).prop_map(|(opcode, operands)| {
        let bits = operands << 16 | opcode;
        // Instructions with fewer operands need zeros above them.
        [0, 16, 32, 48].into_iter().find_map(|shift| Op::decode(bits << shift >> shift)).expect("zero operands decode")
    })
}

fn span() -> impl Strategy<Value = Span> {
    (small_or_any(), small_or_any(), small_or_any()).prop_map(|(file, lo, hi)| Span { file: FileId(file), lo, hi })
}

fn run() -> impl Strategy<Value = Run> {
    (small_or_any(), small_or_any()).prop_map(|(start, len)| Run { start, len })
}

fn str_id() -> impl Strategy<Value = StrId> {
    small_or_any().prop_map(StrId)
}

fn constant() -> impl Strategy<Value = Constant> {
    prop_oneof![
        any::<i64>().prop_map(Constant::Int),
        any::<u64>().prop_map(Constant::Float),
        str_id().prop_map(Constant::Str)
    ]
}

fn kind() -> impl Strategy<Value = FunctionKind> {
    prop_oneof![
        Just(FunctionKind::Body),
        Just(FunctionKind::Plain),
        Just(FunctionKind::Async),
        small_or_any().prop_map(|id| FunctionKind::Method(StructId(id))),
        small_or_any().prop_map(|id| FunctionKind::Static(StructId(id))),
    ]
}

fn function() -> impl Strategy<Value = Function> {
    let capture = prop_oneof![
        any::<u16>().prop_map(|register| CaptureSource::Register(Reg(register))),
        any::<u16>().prop_map(|capture| CaptureSource::Capture(CaptureId(capture))),
    ];
    let handler = (small_or_any(), small_or_any(), small_or_any(), any::<u16>())
        .prop_map(|(start, end, target, error)| Handler { start, end, target, error: Reg(error) });
    let frame = (small_or_any(), any::<u16>(), any::<u16>());
    (str_id(), kind(), frame, run(), run(), vec(capture, 0..4), vec(handler, 0..4)).prop_map(
        |(name, kind, (module, params, registers), code, sites, captures, handlers)| Function {
            name,
            kind,
            module: ModuleId(module),
            params,
            required: params,
            registers,
            code,
            sites,
            captures,
            handlers,
        },
    )
}

fn struct_def() -> impl Strategy<Value = StructDef> {
    let method = (str_id(), small_or_any(), any::<bool>()).prop_map(|(name, func, takes_self)| Method {
        name,
        func: FuncId(func),
        takes_self,
    });
    (str_id(), small_or_any(), vec(str_id(), 0..4), vec(method, 0..4))
        .prop_map(|(name, module, fields, methods)| StructDef { name, module: ModuleId(module), fields, methods })
}

fn module() -> impl Strategy<Value = Module> {
    let kind =
        prop_oneof![small_or_any().prop_map(|body| ModuleKind::File(FuncId(body))), str_id().prop_map(ModuleKind::Std)];
    let export = (str_id(), small_or_any()).prop_map(|(name, global)| Export { name, global: GlobalId(global) });
    (str_id(), kind, vec(export, 0..4)).prop_map(|(name, kind, exports)| Module { name, kind, exports })
}

fn region() -> impl Strategy<Value = LoopRegion> {
    let kind =
        prop_oneof![Just(LoopKind::Range), Just(LoopKind::Iterator), Just(LoopKind::Pairs), Just(LoopKind::While)];
    let place = (small_or_any(), small_or_any(), small_or_any());
    let edges = (vec(small_or_any(), 0..3), vec(small_or_any(), 0..3));
    (kind, place, edges, option::of(small_or_any()), any::<u16>(), any::<bool>(), span()).prop_map(
        |(kind, (func, header, end), (back_edges, exits), parent, depth, marked, span)| LoopRegion {
            func: FuncId(func),
            kind,
            header,
            end,
            back_edges,
            exits,
            parent: parent.map(LoopId),
            depth,
            marked,
            span,
        },
    )
}

fn debug() -> impl Strategy<Value = DebugInfo> {
    let file = (any::<String>(), any::<String>()).prop_map(|(name, text)| SourceFile { name, text });
    let line = (small_or_any(), span()).prop_map(|(pc, span)| LineEntry { pc, span });
    let local = (small_or_any(), any::<u16>(), str_id(), small_or_any(), small_or_any()).prop_map(
        |(func, register, name, start, end)| LocalName {
            func: FuncId(func),
            register: Reg(register),
            name,
            start,
            end,
        },
    );
    (vec(file, 0..3), vec(line, 0..20), vec(span(), 0..4), vec(local, 0..8))
        .prop_map(|(files, lines, functions, locals)| DebugInfo { files, lines, functions, locals })
}

fn program() -> impl Strategy<Value = Program> {
    let strings = (any::<String>(), vec(small_or_any(), 0..8)).prop_map(|(text, ends)| Strings { text, ends });
    let global = (str_id(), small_or_any()).prop_map(|(name, module)| Global { name, module: ModuleId(module) });
    let native = (str_id(), str_id()).prop_map(|(module, name)| BuiltinRef { module, name });
    let pools = (strings, vec(constant(), 0..6), vec(op(), 0..40), vec(function(), 0..4), vec(struct_def(), 0..3));
    let names = (vec(module(), 0..3), vec(global, 0..3), vec(native, 0..3), vec(str_id(), 0..4), small_or_any());
    (pools, names, vec(region(), 0..3), option::of(debug())).prop_map(|(pools, names, loops, debug)| {
        let (strings, constants, code, functions, structs) = pools;
        let (modules, globals, builtins, sites, main) = names;
        let main = ModuleId(main);
        Program {
            strings,
            constants,
            code,
            functions,
            structs,
            modules,
            globals,
            builtins,
            sites,
            loops,
            main,
            debug,
            facts: None,
            refused: vec![],
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn any_program_survives_the_round_trip(program in program()) {
        let file = wbc::encode(&program, &meta());
        let decoded = wbc::decode(&file).expect("what was encoded decodes");
        prop_assert_eq!(&decoded, &program);
        prop_assert_eq!(wbc::encode(&decoded, &meta()), file);
    }

    #[test]
    fn any_program_prints_and_none_stops_the_verifier(program in program()) {
        disassemble(&program);
        let _ = verify(program);
    }
}
