//! The regions of a program as reports name them: loops, and functions but for the bodies of modules, in the order of
//! the source. A region's number is its place among them, as in what walrusc says of the program. In a stripped program
//! loops come first.

use crate::bytecode::{FuncId, FunctionKind, LoopId, Program};
use crate::source::Span;

/// A loop or function and where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    pub is_loop: bool,
    /// Its number among the loops, if it is one.
    pub loop_id: Option<LoopId>,
    /// The function, or the one that the loop stands in.
    pub func: FuncId,
    /// The function's name; `None` for the body of a module.
    pub function: Option<String>,
    /// Its instructions: indices into the program's code. A loop begins with its header.
    pub start: u32,
    pub end: u32,
    /// Where its head begins in the source; an empty name and 0 without debug information.
    pub file: String,
    pub line: usize,
    pub column: usize,
}

/// All regions of a program.
pub fn regions(program: &Program) -> Vec<Place> {
    let lines = LineEnds::new(program);
    let place = |loop_id: Option<LoopId>, func: FuncId, code: std::ops::Range<u32>, head: Option<Span>| {
        let (file, line, column) = lines.place(head.map(|head| (head.file.0, head.lo)));
        let function = function_name(program, func.index());
        let is_loop = loop_id.is_some();
        (head, Place { is_loop, loop_id, func, function, start: code.start, end: code.end, file, line, column })
    };
    let loops = (0..).zip(&program.loops).map(|(id, region)| {
        let start = program.functions[region.func.index()].code.start;
        place(Some(LoopId(id)), region.func, start + region.header..start + region.end, Some(region.span))
    });
    let functions = program.functions.iter().enumerate().filter(|(_, function)| function.kind != FunctionKind::Body);
    let functions = functions.map(|(index, function)| {
        let span = program.debug.as_ref().and_then(|debug| debug.functions.get(index));
        let code = function.code.start..function.code.start + function.code.len;
        place(None, FuncId(index as u32), code, span.copied())
    });
    let mut places: Vec<(Option<Span>, Place)> = loops.chain(functions).collect();
    if program.debug.is_some() {
        places.sort_by_key(|(head, place)| (*head, place.is_loop));
    }
    places.into_iter().map(|(_, place)| place).collect()
}

/// The name of a function, `None` for the body of a module.
pub fn function_name(program: &Program, index: usize) -> Option<String> {
    let function = &program.functions[index];
    (function.kind != FunctionKind::Body).then(|| program.strings.get(function.name).unwrap_or("").to_owned())
}

/// Where the lines of each source file end, found once: a report names a place for every region, and counting lines for
/// each would take time quadratic in the program.
struct LineEnds<'p> {
    program: &'p Program,
    ends: Vec<Vec<u32>>,
}

impl<'p> LineEnds<'p> {
    fn new(program: &'p Program) -> LineEnds<'p> {
        let ends = |text: &str| text.match_indices('\n').map(|(at, _)| at as u32).collect();
        let files = program.debug.iter().flat_map(|debug| &debug.files);
        LineEnds { program, ends: files.map(|file| ends(&file.text)).collect() }
    }

    /// File, line and column of a byte of a file by number; an empty name and 0 without debug information.
    fn place(&self, place: Option<(u32, u32)>) -> (String, usize, usize) {
        let found = place.and_then(|(file, at)| {
            let ends = &self.ends.get(file as usize)?;
            let file = self.program.debug.as_ref()?.files.get(file as usize)?;
            let line = ends.partition_point(|&end| end < at);
            let start = line.checked_sub(1).map_or(0, |before| ends[before] as usize + 1);
            Some((file.name.clone(), line + 1, file.column(start, at as usize)?))
        });
        found.unwrap_or_default()
    }
}
