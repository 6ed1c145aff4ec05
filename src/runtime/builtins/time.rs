//! `std/time`: moments as milliseconds since 1970, their texts and their parts, all in UTC.

use std::fmt::Write;

use chrono::format::{Item, ParseResult, Parsed, StrftimeItems};
use chrono::{DateTime, Datelike, Timelike, Utc};

use super::value::{insert_named, int_arg, milliseconds_arg, str_arg};
use crate::runtime::error::{Error, Result};
use crate::runtime::object::Dict;
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;

/// The longest pause that a host is asked for; longer ones are several.
const LONGEST_PAUSE: f64 = 86_400.0;

pub fn now(vm: &mut Vm, _: &[Value]) -> Result<Value> {
    Ok(Value::int(vm.io.host.timestamp()))
}

pub fn sleep(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let milliseconds = milliseconds_arg(args, 0, "time.sleep")?;
    vm.io.flush()?;
    let mut left = milliseconds / 1000.0;
    while left > 0.0 {
        let pause = left.min(LONGEST_PAUSE);
        vm.io.host.pause(pause);
        left -= pause;
    }
    Ok(Value::VOID)
}

fn moment(args: &[Value], index: usize) -> Result<DateTime<Utc>> {
    let milliseconds = int_arg(args, index)?;
    DateTime::from_timestamp_millis(milliseconds)
        .ok_or_else(|| Error::message(format!("Time out of range: {milliseconds}")))
}

/// The parts of a pattern; one that is none is an error that quotes it.
fn items(pattern: &str) -> Result<Vec<Item<'_>>> {
    let items: Vec<Item<'_>> = StrftimeItems::new(pattern).collect();
    if items.contains(&Item::Error) { Err(invalid_pattern(pattern)) } else { Ok(items) }
}

#[cold]
fn invalid_pattern(pattern: &str) -> Error {
    let mut offset = 0;
    while let Some(found) = pattern.get(offset..).and_then(|rest| rest.find('%')) {
        offset += found;
        if StrftimeItems::new(&pattern[offset..]).next() == Some(Item::Error) {
            break;
        }
        offset += if pattern[offset..].starts_with("%%") { 2 } else { 1 };
    }
    // Flags and digits, then the character that says what is meant.
    let rest = pattern.get(offset..).unwrap_or("");
    let ends = |c: char| !(c.is_ascii_digit() || "-_0^#.:%".contains(c));
    let end = rest.find(ends).map_or(rest.len(), |end| end + rest[end..].chars().next().map_or(0, char::len_utf8));
    let position = pattern.get(..offset).map_or(0, |before| before.chars().count());
    let wrong = rest.get(..end).unwrap_or(rest);
    Error::message(format!("Invalid time pattern '{pattern}': '{wrong}' at character {position} means nothing"))
}

pub fn format(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let moment = moment(args, 0)?;
    let pattern = str_arg(args, 1)?;
    let items = items(pattern.as_str())?;
    let mut text = String::new();
    write!(text, "{}", moment.format_with_items(items.iter())).map_err(|_| invalid_pattern(pattern.as_str()))?;
    vm.string(&text)
}

pub fn parse(_: &mut Vm, args: &[Value]) -> Result<Value> {
    let (text, pattern) = (str_arg(args, 0)?, str_arg(args, 1)?);
    let items = items(pattern.as_str())?;
    let mut parsed = Parsed::new();
    chrono::format::parse(&mut parsed, text.as_str(), items.iter())
        .and_then(|()| resolve(&mut parsed))
        .map(Value::int)
        .map_err(|error| {
            let (text, pattern) = (text.as_str(), pattern.as_str());
            Error::message(format!("Failed to parse '{text}' as '{pattern}': {error}"))
        })
}

/// The moment that the parts of a text tell. What they leave open is that of 1970-01-01T00:00.
fn resolve(parsed: &mut Parsed) -> ParseResult<i64> {
    let offset = parsed.offset().unwrap_or(0);
    if parsed.timestamp().is_none() {
        complete_date(parsed)?;
        complete_time(parsed)?;
    }
    let local = parsed.to_naive_datetime_with_offset(offset)?.and_utc().timestamp_millis();
    Ok(local - i64::from(offset) * 1000)
}

fn complete_date(parsed: &mut Parsed) -> ParseResult<()> {
    if parsed.isoyear().or(parsed.isoyear_mod_100()).is_some() && parsed.isoweek().is_some() {
        // A week of ISO 8601 begins on Monday.
        return if parsed.weekday().is_some() { Ok(()) } else { parsed.set_weekday(chrono::Weekday::Mon).map(drop) };
    }
    match (parsed.year(), parsed.year_div_100(), parsed.year_mod_100()) {
        (None, None, None) => parsed.set_year(1970)?,
        (None, Some(_), None) => parsed.set_year_mod_100(70)?,
        _ => {}
    }
    let has_week = parsed.week_from_sun().or(parsed.week_from_mon()).is_some() && parsed.weekday().is_some();
    if parsed.ordinal().is_some() || has_week {
        return Ok(());
    }
    if parsed.month().is_none() && parsed.day().is_none() {
        // A weekday alone names no day.
        parsed.weekday = None;
    }
    if parsed.month().is_none() {
        let quarter = parsed.quarter().unwrap_or(1);
        parsed.set_month(i64::from(quarter) * 3 - 2)?;
    }
    if parsed.day().is_none() {
        parsed.weekday = None;
        parsed.set_day(1)?;
    }
    Ok(())
}

fn complete_time(parsed: &mut Parsed) -> ParseResult<()> {
    if parsed.hour_div_12().is_none() {
        parsed.set_ampm(false)?;
    }
    if parsed.hour_mod_12().is_none() {
        parsed.set_hour12(12)?;
    }
    if parsed.minute().is_none() {
        parsed.set_minute(0)?;
    }
    if parsed.second().is_none() {
        parsed.set_second(0)?;
    }
    Ok(())
}

pub fn parts(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let moment = moment(args, 0)?;
    let dict = Dict::new(&mut vm.heap);
    let parts = [
        ("year", i64::from(moment.year())),
        ("month", moment.month().into()),
        ("day", moment.day().into()),
        ("hour", moment.hour().into()),
        ("minute", moment.minute().into()),
        ("second", moment.second().into()),
        ("ms", moment.timestamp_subsec_millis().into()),
        ("weekday", moment.weekday().number_from_monday().into()),
        ("yearday", moment.ordinal().into()),
    ];
    for (name, value) in parts {
        insert_named(vm, dict, name, Value::int(value))?;
    }
    Ok(Value::from_dict(dict))
}
