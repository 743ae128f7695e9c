//! `#[derive(Typed)]`: the schema of a type, and its encoding field by field.

use proc_macro2::{Group, Ident, Spacing, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{
    Data, DeriveInput, Error, Fields, GenericParam, Path, Result, ext::IdentExt, spanned::Spanned,
};

use crate::{
    attributes::{Attributes, Place},
    rename::Case,
};

pub(crate) fn expand(item: TokenStream, default_crate: &Path) -> TokenStream {
    syn::parse2(item)
        .and_then(|item| derive(&item, default_crate))
        .unwrap_or_else(Error::into_compile_error)
}

fn derive(item: &DeriveInput, default_crate: &Path) -> Result<TokenStream> {
    let attributes = Attributes::read(&item.attrs, Place::Container)?;
    for parameter in &item.generics.params {
        if let GenericParam::Lifetime(lifetime) = parameter {
            return Err(Error::new(
                lifetime.span(),
                "a type that crosses owns what it holds: no lifetimes",
            ));
        }
    }
    let krate = attributes.krate.as_ref().unwrap_or(default_crate);
    let rt = quote!(#krate::__private);
    let name = attributes
        .rename
        .clone()
        .unwrap_or_else(|| item.ident.unraw().to_string());
    let derive = Derive {
        item,
        attributes: &attributes,
        rt: &rt,
        name: &name,
    };
    let parts = match &item.data {
        Data::Struct(data) => derive.of_struct(&data.fields)?,
        Data::Enum(data) => derive.of_enum(data)?,
        Data::Union(data) => {
            return Err(Error::new(
                data.union_token.span,
                "a union does not say what it holds, so it cannot cross",
            ));
        }
    };
    Ok(derive.impls(parts))
}

/// The bodies of what is implemented.
struct Parts {
    schema: TokenStream,
    encode: TokenStream,
    decode: TokenStream,
}

/// A field that crosses, or one that is filled in by the receiver.
struct Field {
    /// Its name or index, as it is written in a pattern or constructor.
    member: TokenStream,
    /// Its name on the wire; empty in tuples.
    name: String,
    ty: TokenStream,
    /// The type with the own type replaced by a stand-in whose schema refers back.
    schema_ty: TokenStream,
    span: Span,
    /// What a skipped field is filled with.
    filled: Option<TokenStream>,
}

struct Derive<'d> {
    item: &'d DeriveInput,
    attributes: &'d Attributes,
    rt: &'d TokenStream,
    name: &'d str,
}

impl Derive<'_> {
    fn impls(
        &self,
        Parts {
            schema,
            encode,
            decode,
        }: Parts,
    ) -> TokenStream {
        let (rt, ident, name) = (self.rt, &self.item.ident, self.name);
        let bounded = |bound: &dyn Fn(&Ident) -> TokenStream| {
            let mut generics = self.item.generics.clone();
            let parameters: Vec<_> = generics
                .type_params()
                .map(|parameter| parameter.ident.clone())
                .collect();
            let clause = generics.make_where_clause();
            for parameter in &parameters {
                let bound = bound(parameter);
                clause
                    .predicates
                    .push(syn::parse_quote!(#parameter: #bound));
            }
            generics
        };
        let typed = bounded(&|_| quote!(#rt::Typed));
        let arg = bounded(&|parameter| quote!(#rt::Arg<#parameter>));
        let value = bounded(&|_| quote!(#rt::Receive));
        let (impl_typed, ty, where_typed) = typed.split_for_impl();
        let (impl_arg, _, where_arg) = arg.split_for_impl();
        let (impl_value, _, where_value) = value.split_for_impl();
        quote! {
            const _: () = {
                /// Stands for the type itself inside of its own schema.
                #[allow(dead_code, reason = "only a type that contains itself needs it")]
                struct __Itself;
                impl #rt::Typed for __Itself {
                    const SCHEMA: #rt::Schema = #rt::Schema::Rec(#name);
                }
                #[automatically_derived]
                impl #impl_typed #rt::Typed for #ident #ty #where_typed {
                    const SCHEMA: #rt::Schema = #schema;
                }
                #[automatically_derived]
                impl #impl_arg #rt::Arg<#ident #ty> for #ident #ty #where_arg {
                    fn encode<__S: #rt::Sink + ?::core::marker::Sized>(
                        &self,
                        __out: &mut __S,
                    ) -> ::core::result::Result<(), #rt::EncodeError> {
                        #encode
                        #[allow(unreachable_code, reason = "an enum without variants has no value")]
                        ::core::result::Result::Ok(())
                    }
                }
                #[automatically_derived]
                impl #impl_value #rt::Receive for #ident #ty #where_value {
                    fn decode<__S: #rt::Source + ?::core::marker::Sized>(
                        __source: &mut __S,
                    ) -> ::core::result::Result<Self, #rt::DecodeError> {
                        #decode
                    }
                }
            };
        }
    }

    fn of_struct(&self, fields: &Fields) -> Result<Parts> {
        let rt = self.rt;
        let list = self.fields(fields, self.attributes.rename_all)?;
        let crossing: Vec<_> = list.iter().filter(|field| field.filled.is_none()).collect();
        let schema = if self.attributes.transparent {
            match crossing.as_slice() {
                [one] => self.inner(one)?,
                _ => {
                    return Err(Error::new(
                        self.item.span(),
                        "`transparent` wants exactly one field",
                    ));
                }
            }
        } else {
            match fields {
                Fields::Named(_) => {
                    let name = self.name;
                    let items = self.named(&crossing);
                    quote!(#rt::Schema::Struct(#name, #items))
                }
                Fields::Unnamed(_) if list.len() == 1 => match crossing.as_slice() {
                    [one] => self.inner(one)?,
                    _ => {
                        return Err(Error::new(
                            self.item.span(),
                            "the one field of a newtype cannot be skipped",
                        ));
                    }
                },
                Fields::Unnamed(_) => {
                    for field in &crossing {
                        not_itself(field)?;
                    }
                    self.tuple(&crossing)
                }
                Fields::Unit => quote!(#rt::Schema::Unit),
            }
        };
        let encode = crossing.iter().map(|field| {
            let Field {
                member, ty, span, ..
            } = field;
            quote_spanned!(*span=> <#ty as #rt::Arg<#ty>>::encode(&self.#member, __out)?;)
        });
        let encode = quote!(#(#encode)*);
        let made = self.made(&quote!(Self), &list);
        let decode = quote!(::core::result::Result::Ok(#made));
        Ok(Parts {
            schema,
            encode,
            decode,
        })
    }

    fn of_enum(&self, data: &syn::DataEnum) -> Result<Parts> {
        let (rt, name) = (self.rt, self.name);
        let (mut schemas, mut encodes, mut decodes) = (Vec::new(), Vec::new(), Vec::new());
        for (index, variant) in (0u32..).zip(&data.variants) {
            let attributes = Attributes::read(&variant.attrs, Place::Variant)?;
            let ident = &variant.ident;
            let shown = attributes.rename.clone().unwrap_or_else(|| {
                self.attributes
                    .rename_all
                    .variant(&ident.unraw().to_string())
            });
            let case = if attributes.rename_all == Case::AsIs {
                self.attributes.rename_all_fields
            } else {
                attributes.rename_all
            };
            let list = self.fields(&variant.fields, case)?;
            let crossing: Vec<_> = list.iter().filter(|field| field.filled.is_none()).collect();
            let payload = match &variant.fields {
                Fields::Unit => quote!(#rt::Schema::Unit),
                Fields::Unnamed(_) if list.len() == 1 => match crossing.as_slice() {
                    [one] => self.schema(one),
                    _ => {
                        return Err(Error::new(
                            variant.span(),
                            "the one field of a variant cannot be skipped",
                        ));
                    }
                },
                Fields::Unnamed(_) => self.tuple(&crossing),
                Fields::Named(_) => {
                    let items = self.named(&crossing);
                    quote!(#rt::Schema::Struct("", #items))
                }
            };
            schemas.push(quote!((#shown, &#payload)));

            let bindings: Vec<_> = (0..list.len())
                .map(|field| format_ident!("__field{field}"))
                .collect();
            let pattern = list.iter().zip(&bindings).map(|(field, binding)| {
                let member = &field.member;
                if field.filled.is_some() {
                    quote!(#member: _)
                } else {
                    quote!(#member: #binding)
                }
            });
            let written = list.iter().zip(&bindings).filter(|(field, _)| field.filled.is_none()).map(
                |(Field { ty, span, .. }, binding)| {
                    quote_spanned!(*span=> <#ty as #rt::Arg<#ty>>::encode(#binding, __out)?;)
                },
            );
            encodes.push(quote! {
                Self::#ident { #(#pattern),* } => {
                    #rt::encode_variant(#index, __out);
                    #(#written)*
                }
            });
            let made = self.made(&quote!(Self::#ident), &list);
            decodes.push(quote!(#index => ::core::result::Result::Ok(#made),));
        }
        Ok(Parts {
            schema: quote!(#rt::Schema::Enum(#name, &[#(#schemas),*])),
            // A reference to an enum without variants still counts as inhabited, so that one is matched by value.
            encode: if encodes.is_empty() {
                quote!(match *self {})
            } else {
                quote!(match self { #(#encodes)* })
            },
            decode: quote! {
                match #rt::decode_variant(__source)? {
                    #(#decodes)*
                    __index => ::core::result::Result::Err(#rt::invalid_variant(#name, __index)),
                }
            },
        })
    }

    fn fields(&self, fields: &Fields, case: Case) -> Result<Vec<Field>> {
        let container_default = self.attributes.default;
        fields
            .iter()
            .enumerate()
            .map(|(index, field)| {
                let attributes = Attributes::read(&field.attrs, Place::Field)?;
                if attributes.skip && container_default && !attributes.default {
                    return Err(Error::new(
                        field.span(),
                        "a skipped field of a type with `#[serde(default)]` needs a `default` of its own",
                    ));
                }
                let filled = attributes.skip.then(|| match &attributes.default_path {
                    Some(path) => quote!(#path()),
                    None => quote!(::core::default::Default::default()),
                });
                let own = field.ident.as_ref().map(|ident| case.field(&ident.unraw().to_string()));
                let member = match &field.ident {
                    Some(ident) => quote!(#ident),
                    None => syn::Index::from(index).to_token_stream(),
                };
                let ty = field.ty.to_token_stream();
                Ok(Field {
                    member,
                    name: attributes.rename.or(own).unwrap_or_default(),
                    schema_ty: without_itself(ty.clone(), &self.item.ident),
                    ty,
                    span: field.ty.span(),
                    filled,
                })
            })
            .collect()
    }

    fn schema(&self, field: &Field) -> TokenStream {
        let (rt, ty) = (self.rt, &field.schema_ty);
        quote_spanned!(field.span=> <#ty as #rt::Typed>::SCHEMA)
    }

    /// The schema of the one field of a struct that has no name in the schema.
    fn inner(&self, field: &Field) -> Result<TokenStream> {
        not_itself(field)?;
        Ok(self.schema(field))
    }

    fn tuple(&self, fields: &[&Field]) -> TokenStream {
        let rt = self.rt;
        let schemas = fields.iter().map(|field| self.schema(field));
        quote!(#rt::Schema::Tuple(&[#(&#schemas),*]))
    }

    fn named(&self, fields: &[&Field]) -> TokenStream {
        let names = fields.iter().map(|field| &field.name);
        let schemas = fields.iter().map(|field| self.schema(field));
        quote!(&[#((#names, &#schemas)),*])
    }

    /// The expression that receives every field, in order, and builds the value.
    fn made(&self, constructor: &TokenStream, fields: &[Field]) -> TokenStream {
        let rt = self.rt;
        let received = fields.iter().map(|field| {
            let Field {
                member,
                ty,
                span,
                filled,
                ..
            } = field;
            match filled {
                Some(filled) => quote!(#member: #filled),
                None => quote_spanned!(*span=> #member: <#ty as #rt::Receive>::decode(__source)?),
            }
        });
        quote!(#constructor { #(#received),* })
    }
}

fn not_itself(field: &Field) -> Result<()> {
    if field.schema_ty.to_string() == field.ty.to_string() {
        return Ok(());
    }
    Err(Error::new(
        field.span,
        "a tuple struct has no name in the schema to come back to: give the field a name",
    ))
}

/// The tokens of a type, with the type `own` (or `Self`) replaced by the stand-in for it, its generic arguments included.
fn without_itself(ty: TokenStream, own: &Ident) -> TokenStream {
    let mut replaced = Vec::new();
    let mut tokens = ty.into_iter().peekable();
    let mut in_path = false;
    while let Some(token) = tokens.next() {
        let after_colons = in_path;
        in_path = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == ':' && punct.spacing() == Spacing::Alone);
        match token {
            TokenTree::Group(group) => {
                let inner = without_itself(group.stream(), own);
                let mut outer = Group::new(group.delimiter(), inner);
                outer.set_span(group.span());
                replaced.push(TokenTree::Group(outer));
            }
            TokenTree::Ident(ident) if !after_colons && (ident == *own || ident == "Self") => {
                replaced.push(TokenTree::Ident(Ident::new("__Itself", ident.span())));
                skip_arguments(&mut tokens);
            }
            other => replaced.push(other),
        }
    }
    replaced.into_iter().collect()
}

/// Passes over the generic arguments that follow, when some do.
fn skip_arguments(tokens: &mut std::iter::Peekable<proc_macro2::token_stream::IntoIter>) {
    let mut open = 0;
    loop {
        match tokens.peek() {
            Some(TokenTree::Punct(punct)) if punct.as_char() == '<' => open += 1,
            Some(TokenTree::Punct(punct)) if punct.as_char() == '>' && open > 0 => open -= 1,
            Some(_) if open > 0 => (),
            _ => return,
        }
        tokens.next();
        if open == 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_type_is_replaced_and_only_it() {
        for (ty, expected) in [
            (quote!(Vec<Box<Tree>>), quote!(Vec<Box<__Itself>>)),
            (quote!(Option<Self>), quote!(Option<__Itself>)),
            (quote!(Vec<Tree<T, Vec<u8>>>), quote!(Vec<__Itself>)),
            (quote!((Tree, [Tree; 2])), quote!((__Itself, [__Itself; 2]))),
            (quote!(other::Tree), quote!(other::Tree)),
            (quote!(Trees<Leaf>), quote!(Trees<Leaf>)),
        ] {
            let own = Ident::new("Tree", Span::call_site());
            assert_eq!(without_itself(ty, &own).to_string(), expected.to_string());
        }
    }
}
