//! Objects: cells cut from the heap's blocks, and what is written into them, where an instruction makes an object and
//! where an exit does.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, InstBuilder, MemFlagsData, types};

use super::{Emitter, flags};
use crate::jit::helpers::Helper;
use crate::jit::ir::{ExitId, Made, Mem, Repr, Shape, Val};
use crate::runtime::abi::layout;
use crate::runtime::heap::{Heap, NativeCell};
use crate::runtime::object::{Dict, Entry, Header, List, ObjKind, Storage};
use crate::runtime::value::{Tag, Value};

/// The size of an object with so many words behind its header, which is also where the next word would be.
fn object_size(words: usize) -> usize {
    size_of::<Header>() + words * size_of::<u64>()
}

/// The bytes of the elements of a list of so many words. Truth values take one each.
fn list_bytes(shape: Shape, words: usize) -> usize {
    if shape.flags == Storage::Bools as u16 { words } else { words * size_of::<u64>() }
}

/// The room for elements in the cell of a list of so many words.
fn list_room(shape: Shape, words: usize) -> usize {
    let room = List::room_for(list_bytes(shape, words).max(shape.aux as usize));
    room.expect("the builder makes small lists only")
}

/// The cell for an object with so many words.
fn native_cell(shape: Shape, words: usize) -> NativeCell {
    let size = match shape.kind {
        ObjKind::List => Some(List::ELEMENTS_OFFSET + list_room(shape, words)),
        _ => Some(object_size(words)),
    };
    size.and_then(Heap::native_cell).expect("the builder makes small objects only")
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
        self.count_object(self.region.exit(exit).pc);
        let cell = native_cell(shape, words.len());
        let bytes = self.builder.ins().iadd_imm_s(bytes, cell.size as i64);
        self.builder.ins().store(of_machine, bytes, self.vm, layout::HEAP_BYTES);
        let object = self.take_cell(cell);
        self.write_object(object, shape, words);
        object
    }

    /// Where the value of a string is in a dict, which is looked for at a position first; otherwise what the helper
    /// gives.
    pub(super) fn find_at(&mut self, position: u8, helper: Helper, args: &[Val]) -> ir::Value {
        let args: Vec<ir::Value> = args.iter().map(|&arg| self.value(arg)).collect();
        let (dict, key) = (args[1], args[2]);
        let of_keys = flags(Mem::Keys);
        let [elsewhere, done] = [(); 2].map(|()| self.builder.create_block());
        self.builder.set_cold_block(elsewhere);
        let found = self.builder.append_block_param(done, types::I64);
        let listed = self.builder.ins().load(types::I64, of_keys, dict, Dict::LISTED_OFFSET as i32);
        let is_inside = self.builder.ins().icmp_imm_u(IntCC::UnsignedGreaterThan, listed, i64::from(position));
        self.go_on_if(is_inside, elsewhere);
        let entries = self.builder.ins().load(types::I64, of_keys, dict, Dict::ENTRIES_OFFSET as i32);
        let entry = usize::from(position) * size_of::<Entry>();
        let offset_of = |part: usize| (entry + Entry::KEY_OFFSET + part) as i32;
        let tag = self.builder.ins().load(types::I64, of_keys, entries, offset_of(Value::TAG_OFFSET));
        let payload = self.builder.ins().load(types::I64, of_keys, entries, offset_of(Value::PAYLOAD_OFFSET));
        let is_string = self.builder.ins().icmp_imm_u(IntCC::Equal, tag, Tag::Str as i64);
        let is_key = self.builder.ins().icmp(IntCC::Equal, payload, key);
        let is_here = self.builder.ins().band(is_string, is_key);
        self.go_on_if(is_here, elsewhere);
        let value = self.builder.ins().iadd_imm_s(entries, (entry + Entry::VALUE_OFFSET) as i64);
        self.builder.ins().jump(done, &[value.into()]);
        self.builder.switch_to_block(elsewhere);
        let given = self.call_helper(helper, &args);
        self.builder.ins().jump(done, &[given.into()]);
        self.builder.switch_to_block(done);
        found
    }

    /// Counts an object that an instruction makes, if objects are counted.
    fn count_object(&mut self, pc: u32) {
        let Some(counting) = self.options.counting.filter(|counting| counting.counts) else { return };
        let of_count = flags(Mem::Count);
        let cells = self.builder.ins().iconst(types::I64, counting.cells as i64);
        let count = self.builder.ins().load(types::I64, of_count, cells, counting.of_objects(pc));
        let count = self.builder.ins().iadd_imm_s(count, 1);
        self.builder.ins().store(of_count, count, cells, counting.of_objects(pc));
    }

    /// Memory for an object that has been accounted for.
    fn take_cell(&mut self, cell: NativeCell) -> ir::Value {
        let of_machine = flags(Mem::Vm);
        let [free_offset, bump_offset, end_offset] =
            [cell.free_offset, cell.bump_offset, cell.end_offset].map(|offset| layout::HEAP + offset as i32);
        let bump = self.builder.ins().load(types::I64, of_machine, self.vm, bump_offset);
        let end = self.builder.ins().load(types::I64, of_machine, self.vm, end_offset);
        let is_left = self.builder.ins().icmp(IntCC::UnsignedLessThan, bump, end);
        let [none_left, none_free, done] = [(); 3].map(|()| self.builder.create_block());
        [none_left, none_free].into_iter().for_each(|block| self.builder.set_cold_block(block));
        let object = self.builder.append_block_param(done, types::I64);
        self.go_on_if(is_left, none_left);
        let rest = self.builder.ins().iadd_imm_s(bump, cell.size as i64);
        self.builder.ins().store(of_machine, rest, self.vm, bump_offset);
        self.builder.ins().jump(done, &[bump.into()]);
        self.builder.switch_to_block(none_left);
        let free = self.builder.ins().load(types::I64, of_machine, self.vm, free_offset);
        let in_list = self.builder.create_block();
        self.builder.set_cold_block(in_list);
        self.builder.ins().brif(free, in_list, &[], none_free, &[]);
        self.builder.switch_to_block(in_list);
        let next = self.builder.ins().load(types::I64, of_machine, free, Heap::NEXT_FREE_OFFSET as i32);
        self.builder.ins().store(of_machine, next, self.vm, free_offset);
        self.builder.ins().jump(done, &[free.into()]);
        self.builder.switch_to_block(none_free);
        let size = self.builder.ins().iconst(types::I64, cell.size as i64);
        let given = self.call_helper(Helper::NewCell, &[self.vm, size]);
        self.builder.ins().jump(done, &[given.into()]);
        self.builder.switch_to_block(done);
        object
    }

    /// Writes all of a new object.
    fn write_object(&mut self, object: ir::Value, shape: Shape, words: &[Val]) {
        let aux = if shape.kind == ObjKind::List { 0 } else { shape.aux };
        let header = Header::word_without_mark(shape.kind, shape.flags, aux);
        let header = self.builder.ins().iconst(types::I64, header as i64);
        let colour = self.builder.ins().load(types::I8, flags(Mem::Vm), self.vm, layout::HEAP_COLOUR);
        self.builder.ins().store(flags(Mem::Header), header, object, 0);
        self.builder.ins().store(flags(Mem::Header), colour, object, Header::MARK_OFFSET as i32);
        if shape.kind == ObjKind::List {
            return self.write_list(object, shape, words);
        }
        for (index, &word) in words.iter().enumerate() {
            let mut value = self.value(word);
            if self.region.repr(word) == Repr::Bool {
                value = self.builder.ins().uextend(types::I64, value);
            }
            self.builder.ins().store(flags(Mem::Field), value, object, object_size(index) as i32);
        }
    }

    /// Writes what follows the header of a new list, whose elements lie behind it.
    fn write_list(&mut self, list: ir::Value, shape: Shape, words: &[Val]) {
        let storage = Storage::numbered(shape.flags);
        let (bytes, room) = (list_bytes(shape, words.len()), list_room(shape, words.len()));
        let data = self.builder.ins().iadd_imm_s(list, List::ELEMENTS_OFFSET as i64);
        let [len, cap] = [bytes, room].map(|bytes| {
            let count = bytes / storage.element_size();
            self.builder.ins().iconst(types::I64, count as i64)
        });
        let of_list = flags(Mem::Header);
        for (value, offset) in [(len, List::LEN_OFFSET), (cap, List::CAP_OFFSET), (data, List::DATA_OFFSET)] {
            self.builder.ins().store(of_list, value, list, offset as i32);
        }
        let has_bytes = storage == Storage::Bools;
        let size = if has_bytes { 1 } else { size_of::<u64>() };
        for (index, &word) in words.iter().enumerate() {
            let value = self.value(word);
            // A truth value that came through a merge is a word of 0 or 1.
            let value = match (has_bytes, self.region.repr(word)) {
                (false, Repr::Bool) => self.builder.ins().uextend(types::I64, value),
                (true, Repr::I64) => self.builder.ins().ireduce(types::I8, value),
                _ => value,
            };
            let offset = List::ELEMENTS_OFFSET + index * size;
            self.builder.ins().store(MemFlagsData::trusted(), value, list, offset as i32);
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
            self.write_object(new, made.shape, &made.words);
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
            self.write_object(object, made.shape, &made.words);
        }
    }

    fn allocate_for_exit(&mut self, made: &Made) -> ir::Value {
        self.count_object(self.options.pc);
        let cell = native_cell(made.shape, made.words.len());
        let of_machine = flags(Mem::Vm);
        let bytes = self.builder.ins().load(types::I64, of_machine, self.vm, layout::HEAP_BYTES);
        let bytes = self.builder.ins().iadd_imm_s(bytes, cell.size as i64);
        self.builder.ins().store(of_machine, bytes, self.vm, layout::HEAP_BYTES);
        let size = self.builder.ins().iconst(types::I64, cell.size as i64);
        self.call_helper(Helper::NewCell, &[self.vm, size])
    }
}
