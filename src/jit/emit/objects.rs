//! Objects: cells cut from the heap's blocks, and what is written into them, where an instruction makes an object and
//! where an exit does.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, InstBuilder, MemFlagsData, types};

use super::super::helpers::Helper;
use super::super::ir::*;
use super::{Emitter, flags};
use crate::runtime::heap::{Heap, NativeCell};
use crate::runtime::native::layout;
use crate::runtime::object::{Header, List, ObjKind, Storage};

/// The size of an object with so many words behind its header, which is also where the next word would be.
fn object_size(words: usize) -> usize {
    size_of::<Header>() + words * size_of::<u64>()
}

/// The cell for an object with so many words.
fn native_cell(words: usize) -> NativeCell {
    Heap::native_cell(object_size(words)).expect("the builder makes small objects only")
}

impl Emitter<'_> {
    /// Cuts a cell of the heap and writes an object into it, unless a collection is due.
    pub(super) fn make(&mut self, shape: Shape, words: &[Val], exit: ExitId) -> ir::Value {
        let of_machine = flags(Mem::Vm);
        let bytes = self.builder.ins().load(types::I64, of_machine, self.vm, layout::HEAP_BYTES);
        let limit = self.builder.ins().load(types::I64, of_machine, self.vm, layout::HEAP_LIMIT);
        let has_room = self.builder.ins().icmp(IntCC::UnsignedLessThan, bytes, limit);
        let failed = self.exit_block(exit);
        self.go_on_if(has_room, failed);
        if shape.kind == ObjKind::List {
            let list = self.allocate_list(shape, words.len());
            self.write_list(list, shape, words);
            return list;
        }
        let cell = native_cell(words.len());
        let bytes = self.builder.ins().iadd_imm_s(bytes, cell.size as i64);
        self.builder.ins().store(of_machine, bytes, self.vm, layout::HEAP_BYTES);
        let object = self.cut_cell(words.len(), cell);
        self.write_object(object, shape, words);
        object
    }

    /// A list with room for so many words of elements, each boxed one being two.
    fn allocate_list(&mut self, shape: Shape, words: usize) -> ir::Value {
        let count = if shape.flags == Storage::Values as u16 { words / 2 } else { words };
        let [storage, count] = [i64::from(shape.flags), count as i64].map(|n| self.builder.ins().iconst(types::I64, n));
        self.call_helper(Helper::NewList, &[self.vm, storage, count])
    }

    /// Writes the elements of a new list.
    fn write_list(&mut self, list: ir::Value, shape: Shape, words: &[Val]) {
        let has_bytes = shape.flags == Storage::Bools as u16;
        let size = if has_bytes { 1 } else { size_of::<u64>() };
        let data = self.builder.ins().load(types::I64, flags(Mem::Header), list, List::DATA_OFFSET as i32);
        for (at, &word) in words.iter().enumerate() {
            let value = self.value(word);
            // A truth value that came through a merge is a word of 0 or 1.
            let value = match (has_bytes, self.region.repr(word)) {
                (false, Repr::Bool) => self.builder.ins().uextend(types::I64, value),
                (true, Repr::I64) => self.builder.ins().ireduce(types::I8, value),
                _ => value,
            };
            self.builder.ins().store(MemFlagsData::trusted(), value, data, (at * size) as i32);
        }
    }

    /// Memory for an object that has been accounted for.
    fn cut_cell(&mut self, words: usize, cell: NativeCell) -> ir::Value {
        let of_machine = flags(Mem::Vm);
        let (bump_offset, end_offset) = (layout::HEAP + cell.bump_offset as i32, layout::HEAP + cell.end_offset as i32);
        let bump = self.builder.ins().load(types::I64, of_machine, self.vm, bump_offset);
        let end = self.builder.ins().load(types::I64, of_machine, self.vm, end_offset);
        let is_left = self.builder.ins().icmp(IntCC::UnsignedLessThan, bump, end);
        let (none_left, done) = (self.builder.create_block(), self.builder.create_block());
        self.builder.set_cold_block(none_left);
        let object = self.builder.append_block_param(done, types::I64);
        self.go_on_if(is_left, none_left);
        let rest = self.builder.ins().iadd_imm_s(bump, cell.size as i64);
        self.builder.ins().store(of_machine, rest, self.vm, bump_offset);
        self.builder.ins().jump(done, &[bump.into()]);
        self.builder.switch_to_block(none_left);
        let size = self.builder.ins().iconst(types::I64, object_size(words) as i64);
        let given = self.call_helper(Helper::NewCell, &[self.vm, size]);
        self.builder.ins().jump(done, &[given.into()]);
        self.builder.switch_to_block(done);
        object
    }

    /// Writes all of a new object.
    fn write_object(&mut self, object: ir::Value, shape: Shape, words: &[Val]) {
        let header = Header::word_without_mark(shape.kind, shape.flags, shape.aux);
        let header = self.builder.ins().iconst(types::I64, header as i64);
        let colour = self.builder.ins().load(types::I8, flags(Mem::Vm), self.vm, layout::HEAP_COLOUR);
        self.builder.ins().store(flags(Mem::Header), header, object, 0);
        self.builder.ins().store(flags(Mem::Header), colour, object, Header::MARK_OFFSET as i32);
        for (at, &word) in words.iter().enumerate() {
            let mut value = self.value(word);
            if self.region.repr(word) == Repr::Bool {
                value = self.builder.ins().uextend(types::I64, value);
            }
            self.builder.ins().store(flags(Mem::Field), value, object, object_size(at) as i32);
        }
    }

    /// Makes the objects that an exit mentions, each once. None is collected in between, as nothing is in native code.
    pub(super) fn make_for_exit(&mut self, made: &[Made]) {
        for made in made.iter().filter(|made| made.existing.is_some()) {
            let existing = made.existing.map(|existing| self.value(existing)).expect("filtered");
            let (done, missing) = (self.builder.create_block(), self.builder.create_block());
            [done, missing].into_iter().for_each(|block| self.builder.set_cold_block(block));
            let object = self.builder.append_block_param(done, types::I64);
            self.builder.ins().brif(existing, done, &[existing.into()], missing, &[]);
            self.builder.switch_to_block(missing);
            // Constants made here are not known behind it.
            self.place += 1;
            let new = self.allocate_for_exit(made);
            self.write_for_exit(new, made);
            self.builder.ins().jump(done, &[new.into()]);
            self.builder.switch_to_block(done);
            self.place += 1;
            self.values[made.object.0 as usize] = Some(object);
        }
        // All before any is written: they may refer to one another.
        for made in made.iter().filter(|made| made.existing.is_none()) {
            let object = self.allocate_for_exit(made);
            self.values[made.object.0 as usize] = Some(object);
        }
        for made in made.iter().filter(|made| made.existing.is_none()) {
            let object = self.value(made.object);
            self.write_for_exit(object, made);
        }
    }

    fn allocate_for_exit(&mut self, made: &Made) -> ir::Value {
        if made.shape.kind == ObjKind::List {
            return self.allocate_list(made.shape, made.words.len());
        }
        let cell = native_cell(made.words.len());
        let of_machine = flags(Mem::Vm);
        let bytes = self.builder.ins().load(types::I64, of_machine, self.vm, layout::HEAP_BYTES);
        let bytes = self.builder.ins().iadd_imm_s(bytes, cell.size as i64);
        self.builder.ins().store(of_machine, bytes, self.vm, layout::HEAP_BYTES);
        let size = self.builder.ins().iconst(types::I64, object_size(made.words.len()) as i64);
        self.call_helper(Helper::NewCell, &[self.vm, size])
    }

    fn write_for_exit(&mut self, object: ir::Value, made: &Made) {
        match made.shape.kind {
            ObjKind::List => self.write_list(object, made.shape, &made.words),
            _ => self.write_object(object, made.shape, &made.words),
        }
    }
}
