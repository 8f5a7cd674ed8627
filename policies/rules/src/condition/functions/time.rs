//! Time, as far as a condition writes it out: what is wrong there is told when the file is read.

use cel::Context;
use cel::common::ast::{CallExpr, Expr, LiteralValue};
use cel::parser::Expression;
use chrono_tz::{TZ_VARIANTS, Tz};

use super::environment;
use crate::finding::shorten;
use crate::suggest;

/// Tells what is wrong with a time, a duration or a zone that is written out in a call, if one is.
pub(in crate::condition) fn written_wrong(call: &CallExpr) -> Option<String> {
    let [argument] = call.args.as_slice() else { return None };
    let Expr::Literal(LiteralValue::String(text)) = &argument.expr else { return None };
    let text = text.inner();
    let short = shorten(text, 80);
    match call.func_name.as_str() {
        name if name.starts_with("get") => wrong_zone(text),
        name @ ("timestamp" | "duration") => {
            let env = environment()?;
            let context = Context::with_env(env);
            let call = Expression { id: 1, expr: Expr::Call(call.clone()) };
            cel::Value::resolve(&call, &context).err()?;
            Some(match name {
                "timestamp" => format!("`{short}` is no time: write \"2026-01-05T10:00:00Z\""),
                _ => format!("`{short}` is no duration: write \"90s\", \"30m\" or \"1h30m\""),
            })
        }
        _ => None,
    }
}

fn wrong_zone(zone: &str) -> Option<String> {
    let offset = |zone: &str| {
        let (hours, minutes) = zone.strip_prefix(['+', '-'])?.split_once(':')?;
        let two = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        (two(hours) && two(minutes) && hours < "24" && minutes < "60").then_some(())
    };
    if zone.parse::<Tz>().is_ok() || offset(zone).is_some() {
        return None;
    }
    let help = match suggest::nearest(zone, TZ_VARIANTS.iter().map(|zone| zone.name())) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "write a name such as `Europe/Berlin`, or `+02:00`".to_owned(),
    };
    Some(format!("unknown time zone `{}`; {help}", shorten(zone, 80)))
}
