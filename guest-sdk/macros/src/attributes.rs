//! What `#[serde(…)]` and `#[typed(…)]` say, and which of it cannot cross.

use proc_macro2::TokenStream;
use syn::{Attribute, LitStr, Path, Result, Token, meta::ParseNestedMeta, parenthesized};

use crate::rename::Case;

/// Where an attribute stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Container,
    Variant,
    Field,
}

/// The attributes of one place.
#[derive(Default)]
pub(crate) struct Attributes {
    pub(crate) rename: Option<String>,
    pub(crate) rename_all: Case,
    pub(crate) rename_all_fields: Case,
    pub(crate) transparent: bool,
    pub(crate) skip: bool,
    pub(crate) default: bool,
    pub(crate) default_path: Option<Path>,
    pub(crate) krate: Option<Path>,
}

impl Attributes {
    pub(crate) fn read(attributes: &[Attribute], place: Place) -> Result<Attributes> {
        let mut found = Attributes::default();
        for attribute in attributes {
            if attribute.path().is_ident("serde") {
                attribute.parse_nested_meta(|meta| found.serde(&meta, place))?;
            } else if attribute.path().is_ident("typed") {
                attribute.parse_nested_meta(|meta| found.typed(&meta, place))?;
            }
        }
        Ok(found)
    }

    fn typed(&mut self, meta: &ParseNestedMeta<'_>, place: Place) -> Result<()> {
        if place != Place::Container || !meta.path.is_ident("crate") {
            return Err(meta.error("the only option is `#[typed(crate = path)]`, on the type"));
        }
        let value = meta.value()?;
        self.krate = Some(if value.peek(LitStr) {
            value.parse::<LitStr>()?.parse()?
        } else {
            value.call(Path::parse_mod_style)?
        });
        Ok(())
    }

    fn serde(&mut self, meta: &ParseNestedMeta<'_>, place: Place) -> Result<()> {
        let name = meta
            .path
            .get_ident()
            .map(ToString::to_string)
            .unwrap_or_default();
        match (name.as_str(), place) {
            ("rename", _) => self.rename = Some(one_name(meta)?),
            ("rename_all", Place::Container | Place::Variant) => self.rename_all = case(meta)?,
            ("rename_all_fields", Place::Container) => self.rename_all_fields = case(meta)?,
            ("transparent", Place::Container) => self.transparent = true,
            ("skip", Place::Field) => self.skip = true,
            ("default", Place::Container | Place::Field) => {
                self.default = true;
                if meta.input.peek(Token![=]) {
                    self.default_path = Some(meta.value()?.parse::<LitStr>()?.parse()?);
                }
            }
            ("bound" | "crate" | "alias" | "deny_unknown_fields" | "expecting", _) => {
                pass_over(meta)?
            }
            _ => {
                return Err(meta.error(match refusal(&name) {
                    Some(reason) => {
                        format!("`{name}` cannot cross between host and guest: {reason}")
                    }
                    None => format!(
                        "`{name}` is not known to `#[derive(Typed)]`, so the schema might be wrong"
                    ),
                }));
            }
        }
        Ok(())
    }
}

/// Why a value with this attribute does not cross.
fn refusal(name: &str) -> Option<&'static str> {
    Some(match name {
        "untagged" | "tag" | "content" => {
            "postcard does not say which type follows, so a variant is found by its number alone"
        }
        "flatten" => "its fields would be a map whose length is not known beforehand",
        "with" | "serialize_with" | "deserialize_with" | "getter" => {
            "what a function writes is not in the schema; use a type that derives `Typed`"
        }
        "from" | "into" | "try_from" | "remote" => {
            "the schema would be that of another type; let that type cross, and convert in the task"
        }
        "skip_serializing_if" => "postcard cannot leave out a field; use an `Option`",
        "other" => {
            "postcard stores variants by number, and an unknown number has an unknown length"
        }
        "skip_serializing" | "skip_deserializing" => {
            "both sides must agree on the bytes; `skip` leaves a field out on both"
        }
        "skip" => "the numbers of the other variants would differ between the two sides",
        "borrow" => "what is received is owned",
        "field_identifier" | "variant_identifier" => "postcard has no names in its bytes",
        _ => return None,
    })
}

/// `rename = "x"`, or `rename(serialize = "x", deserialize = "x")` with one and the same name.
fn one_name(meta: &ParseNestedMeta<'_>) -> Result<String> {
    if meta.input.peek(Token![=]) {
        return Ok(meta.value()?.parse::<LitStr>()?.value());
    }
    let mut names = Vec::new();
    meta.parse_nested_meta(|inner| {
        names.push(inner.value()?.parse::<LitStr>()?.value());
        Ok(())
    })?;
    match names.as_slice() {
        [one, other] if one == other => Ok(one.clone()),
        _ => Err(meta.error("a name that differs between the two sides cannot cross")),
    }
}

fn case(meta: &ParseNestedMeta<'_>) -> Result<Case> {
    let rule = one_name(meta)?;
    Case::parse(&rule).ok_or_else(|| meta.error(format!("`{rule}` is not a rule of serde")))
}

/// Takes what belongs to an attribute that has no part in the format.
fn pass_over(meta: &ParseNestedMeta<'_>) -> Result<()> {
    if meta.input.peek(Token![=]) {
        meta.value()?.parse::<syn::Expr>()?;
    } else if meta.input.peek(syn::token::Paren) {
        let inner;
        parenthesized!(inner in meta.input);
        inner.parse::<TokenStream>()?;
    }
    Ok(())
}
