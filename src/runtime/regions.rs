//! The regions of a program as reports name them: loops, and functions but for the bodies of modules, in the order of
//! the source. A region's number is its place among them, as in what walrusc says of the program. In a stripped program
//! loops come first.

use crate::bytecode::facts::Region;
use crate::bytecode::{FuncId, FunctionKind, LoopId, LoopRegion, Program};

/// What a region begins with, as native code and counts know it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Entry {
    /// The header of a loop: index into the program's code.
    Loop(u32),
    /// The first instruction of a function.
    Function(u32),
}

impl Entry {
    pub fn of(program: &Program, region: Region) -> Entry {
        let start = region.pcs(program).start;
        match region {
            Region::Loop(_) => Entry::Loop(start),
            Region::Function(_) => Entry::Function(start),
        }
    }

    /// Index into the program's code.
    pub fn pc(self) -> u32 {
        let (Entry::Loop(pc) | Entry::Function(pc)) = self;
        pc
    }

    /// The function that begins there.
    pub fn func(self, program: &Program) -> Option<FuncId> {
        let Entry::Function(start) = self else { return None };
        let index = program.functions.iter().position(|function| function.code.start == start)?;
        Some(FuncId(index as u32))
    }

    /// The region that begins there.
    pub fn region(self, program: &Program) -> Option<Region> {
        let is_header = |one: &LoopRegion| program.functions[one.func.index()].code.start + one.header == self.pc();
        match self {
            Entry::Loop(_) => program.loops.iter().position(is_header).map(|index| Region::Loop(LoopId(index as u32))),
            Entry::Function(_) => self.func(program).map(Region::Function),
        }
    }
}

/// A loop or function and where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LocatedRegion {
    pub region: Region,
    pub entry: Entry,
    /// The function, or the one that the loop stands in.
    pub func: FuncId,
    /// The function's name; `None` for the body of a module.
    pub function: Option<String>,
    /// Where its instructions end, which begin at its entry: index into the program's code.
    pub end: u32,
    /// Where its head begins in the source; an empty name and 0 without debug information.
    pub file: String,
    pub line: usize,
    pub column: usize,
}

impl LocatedRegion {
    pub fn is_loop(&self) -> bool {
        self.region.is_loop()
    }
}

/// All regions of a program.
pub fn regions(program: &Program) -> Vec<LocatedRegion> {
    let lines = LineEnds::new(program);
    let place = |region: Region| {
        let head = region.span(program);
        let (file, line, column) = lines.place(head.map(|head| (head.file.0, head.lo)));
        let func = region.func(program);
        let function = program.function_name(func).map(str::to_owned);
        let (entry, end) = (Entry::of(program, region), region.pcs(program).end);
        (head, LocatedRegion { region, entry, func, function, end, file, line, column })
    };
    let loops = (0..program.loops.len() as u32).map(|id| Region::Loop(LoopId(id)));
    let functions = (0..).zip(&program.functions).filter(|(_, function)| function.kind != FunctionKind::Body);
    let functions = functions.map(|(id, _)| Region::Function(FuncId(id)));
    let mut places: Vec<_> = loops.chain(functions).map(place).collect();
    if program.debug.is_some() {
        places.sort_by_key(|(head, place)| (*head, place.is_loop()));
    }
    places.into_iter().map(|(_, place)| place).collect()
}

/// Where the lines of each source file end, found once: a report names a place for every region, and counting lines for
/// each would take time quadratic in the program.
struct LineEnds<'p> {
    program: &'p Program,
    ends: Vec<Vec<u32>>,
}

impl<'p> LineEnds<'p> {
    fn new(program: &'p Program) -> LineEnds<'p> {
        let ends = |text: &str| text.match_indices('\n').map(|(offset, _)| offset as u32).collect();
        let files = program.debug.iter().flat_map(|debug| &debug.files);
        LineEnds { program, ends: files.map(|file| ends(&file.text)).collect() }
    }

    /// File, line and column of a byte of a file by number; an empty name and 0 without debug information.
    fn place(&self, place: Option<(u32, u32)>) -> (String, usize, usize) {
        let found = place.and_then(|(file, offset)| {
            let ends = &self.ends.get(file as usize)?;
            let file = self.program.debug.as_ref()?.files.get(file as usize)?;
            let line = ends.partition_point(|&end| end < offset);
            let start = line.checked_sub(1).map_or(0, |before| ends[before] as usize + 1);
            Some((file.name.clone(), line + 1, file.column(start, offset as usize)?))
        });
        found.unwrap_or_default()
    }
}
