//! Takes the marks of spec shaking out of a module, once they have told which types are in use.
//!
//! soroban-sdk keeps each mark by a read whose value is dropped, so that no compiler leaves it out; nor does the
//! optimiser, for a read might trap. These don't, they lie within the module's own data: what is read for a mark goes with it.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use soroban_spec::shaking::Marker;
use wasmparser::{BinaryReaderError, Data, DataKind, FunctionBody, Operator, Parser, Payload};

use crate::Outcome;

const NOP: u8 = 1;

/// The same module with zeros for the marks and nothing for their reads; the optimiser leaves both out.
pub fn unmark(mut wasm: Vec<u8>, markers: &HashSet<Marker>) -> Outcome<Vec<u8>> {
    let (marks, reads) = found(&wasm, markers)
        .map_err(|e| format!("The marks of spec shaking can't be taken out: {e}."))?;
    marks.into_iter().for_each(|mark| wasm[mark].fill(0));
    reads.into_iter().for_each(|read| wasm[read].fill(NOP));
    Ok(wasm)
}

type Places = Vec<Range<usize>>;

/// Where in the module the marks lie, and where they are read.
fn found(wasm: &[u8], markers: &HashSet<Marker>) -> Result<(Places, Places), BinaryReaderError> {
    let mut marks = HashMap::new();
    let mut bodies = vec![];
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::DataSection(segments) => {
                for segment in segments {
                    marks.extend(marks_of(&segment?, markers)?);
                }
            }
            Payload::CodeSectionEntry(body) => bodies.push(body),
            _ => {}
        }
    }
    let mut reads = vec![];
    for body in &bodies {
        reads.extend(reads_of(body, &marks)?);
    }
    Ok((marks.into_values().collect(), reads))
}

/// The marks of a segment: address in the module's memory, place in the file.
fn marks_of(
    segment: &Data,
    markers: &HashSet<Marker>,
) -> Result<Vec<(u64, Range<usize>)>, BinaryReaderError> {
    let DataKind::Active { offset_expr, .. } = &segment.kind else {
        return Ok(vec![]);
    };
    let Operator::I32Const { value } = offset_expr.get_operators_reader().read()? else {
        return Ok(vec![]);
    };
    let first = segment.range.end - segment.data.len();
    let windows = segment.data.windows(Marker::default().len()).enumerate();
    let marks = windows.filter(|(_, bytes)| markers.iter().any(|marker| marker == bytes));
    let placed = marks.map(|(at, bytes)| {
        let place = first + at..first + at + bytes.len();
        (u64::from(value as u32) + at as u64, place)
    });
    Ok(placed.collect())
}

/// The places of a function where a mark is read and dropped: its address, the read, the drop.
fn reads_of(
    body: &FunctionBody,
    marks: &HashMap<u64, Range<usize>>,
) -> Result<Places, BinaryReaderError> {
    let operators = body.get_operators_reader()?.into_iter_with_offsets();
    let operators = operators.collect::<Result<Vec<_>, _>>()?;
    let reads = operators.windows(4).filter_map(|four| match four {
        [(Operator::I32Const { value }, start), (Operator::I32Load8U { memarg }, _), (Operator::Drop, _), (_, end)]
            if marks.contains_key(&(u64::from(*value as u32) + memarg.offset)) =>
        {
            Some(*start..*end)
        }
        _ => None,
    });
    Ok(reads.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKER: Marker = *b"SpEcV1\x01\x02\x03\x04\x05\x06\x07\x08";
    /// A type, a function and a memory.
    const HEAD: &[u8] = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x05\x03\x01\0\x01";
    /// The data section up to its eighteen bytes, which begin at address 16.
    const DATA: &[u8] = b"\x0b\x18\x01\0\x41\x10\x0b\x12";

    fn module(code: &[u8], mark: &[u8]) -> Vec<u8> {
        let len = code.len() as u8;
        let body = [&[0x0a, len + 4, 1, len + 2, 0], code, &[0x0b]].concat();
        [HEAD, &body, DATA, b"ab", mark, b"cd"].concat()
    }

    fn unmarked(wasm: Vec<u8>) -> Vec<u8> {
        unmark(wasm, &HashSet::from([MARKER])).expect("it is a module")
    }

    #[test]
    fn a_mark_becomes_zeros_and_its_read_nothing() {
        // i32.const 0, i32.load8_u offset=18, drop; i32.const 18, drop.
        let code = b"\x41\0\x2d\0\x12\x1a\x41\x12\x1a";
        let bare = b"\x01\x01\x01\x01\x01\x01\x41\x12\x1a";
        assert_eq!(unmarked(module(code, &MARKER)), module(bare, &[0; 14]));
    }

    #[test]
    fn what_else_is_read_stays() {
        // The byte before the mark, and the mark's second byte.
        let code = b"\x41\0\x2d\0\x11\x1a\x41\x13\x2d\0\0\x1a";
        assert_eq!(unmarked(module(code, &MARKER)), module(code, &[0; 14]));
    }

    #[test]
    fn what_is_no_module_is_refused() {
        let sentence = unmark(b"no module".to_vec(), &HashSet::new()).expect_err("nonsense");
        assert!(sentence.contains("can't be taken out"), "{sentence}");
    }
}
