//! `#[task]`: the export beside a function, and its record in the task section.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{
    Error, FnArg, GenericArgument, ItemFn, LitStr, Pat, PathArguments, Result, ReturnType, Type,
    ext::IdentExt, parse::Parser, spanned::Spanned,
};

/// Bytes that a task's name may have, so that its export's name stays within the 255 of the section's format.
const MAX_NAME: usize = 240;

/// serde implements tuples up to this length, and JSON arguments are one.
const MAX_JSON_ARGUMENTS: usize = 16;

pub(crate) fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    // The function itself stays in any case, so that one error here does not become many elsewhere.
    let glue = syn::parse2(item.clone()).and_then(|function| glue(options, &function));
    let glue = glue.unwrap_or_else(Error::into_compile_error);
    quote!(#item #glue)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Codec {
    Postcard,
    Json,
    Raw,
}

struct Options {
    name: Option<LitStr>,
    codec: Codec,
}

impl Options {
    fn parse(tokens: TokenStream) -> Result<Options> {
        let mut options = Options {
            name: None,
            codec: Codec::Postcard,
        };
        let parser = syn::meta::parser(|meta| {
            if meta.path.is_ident("name") {
                options.name = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("codec") {
                let codec: LitStr = meta.value()?.parse()?;
                options.codec = match codec.value().as_str() {
                    "postcard" => Codec::Postcard,
                    "json" => Codec::Json,
                    "raw" => Codec::Raw,
                    _ => {
                        return Err(Error::new(
                            codec.span(),
                            "a codec is \"postcard\", \"json\" or \"raw\"",
                        ));
                    }
                };
            } else {
                return Err(meta.error("the options are `name = \"…\"` and `codec = \"…\"`"));
            }
            Ok(())
        });
        parser.parse2(tokens)?;
        Ok(options)
    }
}

/// One parameter: its name for messages, and the type that is received for it.
struct Parameter {
    label: String,
    owned: TokenStream,
    borrowed: bool,
    span: Span,
}

fn glue(options: TokenStream, function: &ItemFn) -> Result<TokenStream> {
    let options = Options::parse(options)?;
    refuse(function)?;
    let parameters = function
        .sig
        .inputs
        .iter()
        .enumerate()
        .map(|(index, input)| parameter(index, input));
    let parameters: Vec<Parameter> = parameters.collect::<Result<_>>()?;
    let output = match &function.sig.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, ty) => {
            owned_result(ty)?;
            ty.to_token_stream()
        }
    };
    let (name, name_span) = match &options.name {
        Some(name) => (name.value(), name.span()),
        None => (
            function.sig.ident.unraw().to_string(),
            function.sig.ident.span(),
        ),
    };
    if name.is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
        let message = format!("a task's name has 1 to {MAX_NAME} bytes and no control characters");
        return Err(Error::new(name_span, message));
    }
    let export = format!("wasmpool.task.{name}");

    let rt = quote!(::wasmpool_guest::__private);
    let body = match options.codec {
        Codec::Postcard => postcard(&rt, function, &parameters),
        Codec::Json => json(&rt, function, &parameters)?,
        Codec::Raw => raw(&rt, function, &parameters)?,
    };
    let codec = match options.codec {
        Codec::Postcard => quote!(Postcard),
        Codec::Json => quote!(Json),
        Codec::Raw => quote!(Raw),
    };
    let shape = if options.codec == Codec::Raw {
        let args = parameters.iter().map(|_| quote!(#rt::BYTES));
        quote!(args: &[#(#args),*], output: #rt::BYTES, error: ::core::option::Option::None)
    } else {
        let args = parameters.iter().map(
            |Parameter { owned, span, .. }| quote_spanned!(*span=> &<#owned as #rt::Typed>::SCHEMA),
        );
        quote! {
            args: &[#(#args),*],
            output: #rt::OutputOf::<#output>::SCHEMA,
            error: #rt::ErrorOf::<#output>::SCHEMA
        }
    };
    let cfgs = function
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg"));
    Ok(quote! {
        #(#cfgs)*
        const _: () = {
            #[allow(unused_imports, reason = "which of them a call needs depends on the types of the function")]
            use #rt::{PlainOutput as _, PlainResult as _, SilentError as _, UntypedError as _};

            extern "C" fn __run() -> i32 {
                #rt::install_panic_hook();
                #body
            }

            const __SHAPE: #rt::RecordShape = #rt::RecordShape {
                name: #name,
                export: #export,
                codec: #rt::Codec::#codec,
                #shape
            };
            const __RECORD: [u8; #rt::record_len(&__SHAPE)] = #rt::write_record(&__SHAPE);

            // Elsewhere than on wasm there is nobody to call it, but it is checked all the same.
            #[cfg(not(target_family = "wasm"))]
            const _: (extern "C" fn() -> i32, usize) = (__run, __RECORD.len());

            #[cfg(target_family = "wasm")]
            const _: () = {
                #[unsafe(export_name = #export)]
                extern "C" fn __export() -> i32 {
                    __run()
                }

                #[used]
                #[unsafe(link_section = "wasmpool.tasks")]
                static __SECTION: [u8; __RECORD.len()] = __RECORD;
            };
        };
    })
}

/// What comes after the arguments are there: the call, and what becomes of its result.
fn call(
    rt: &TokenStream,
    encoding: &TokenStream,
    function: &ItemFn,
    parameters: &[Parameter],
) -> TokenStream {
    let ident = &function.sig.ident;
    let span = match &function.sig.output {
        ReturnType::Default => ident.span(),
        ReturnType::Type(_, ty) => ty.span(),
    };
    let arguments = parameters.iter().enumerate().map(|(index, parameter)| {
        let argument = argument(index);
        if parameter.borrowed {
            quote!(&#argument)
        } else {
            quote!(#argument)
        }
    });
    let called = quote!(#ident(#(#arguments),*));
    quote_spanned! {span=>
        match #rt::Returned(#called).split() {
            ::core::result::Result::Ok(__value) => #rt::#encoding::output(&__value),
            ::core::result::Result::Err(__error) => {
                #rt::has_message(&__error);
                #rt::Failed::of(&__error).report::<#rt::#encoding>(&__error)
            }
        }
    }
}

fn argument(index: usize) -> Ident {
    format_ident!("__argument{index}")
}

fn postcard(rt: &TokenStream, function: &ItemFn, parameters: &[Parameter]) -> TokenStream {
    let call = call(rt, &quote!(Postcard), function, parameters);
    let received = parameters.iter().enumerate().map(|(index, Parameter { label, owned, span, .. })| {
        let argument = argument(index);
        quote_spanned! {*span=>
            let ::core::option::Option::Some(#argument) = #rt::argument::<#owned>(&mut __input, #label) else {
                return #rt::FAILED;
            };
        }
    });
    quote! {
        let mut __input = #rt::Input::new();
        #(#received)*
        if !#rt::all_taken(__input) {
            return #rt::FAILED;
        }
        #call
    }
}

fn json(rt: &TokenStream, function: &ItemFn, parameters: &[Parameter]) -> Result<TokenStream> {
    if parameters.len() > MAX_JSON_ARGUMENTS {
        let message =
            format!("a task with codec = \"json\" has at most {MAX_JSON_ARGUMENTS} parameters");
        return Err(Error::new(function.sig.inputs.span(), message));
    }
    let call = call(rt, &quote!(Json), function, parameters);
    let names: Vec<_> = (0..parameters.len()).map(argument).collect();
    let types: Vec<_> = parameters
        .iter()
        .map(|parameter| &parameter.owned)
        .collect();
    let received = match (names.as_slice(), types.as_slice()) {
        ([], _) => TokenStream::new(),
        ([name], [ty]) => quote! {
            let ::core::option::Option::Some(#name) = #rt::json_input::<#ty>() else { return #rt::FAILED; };
        },
        _ => quote! {
            let ::core::option::Option::Some((#(#names),*)) = #rt::json_input::<(#(#types),*)>() else {
                return #rt::FAILED;
            };
        },
    };
    Ok(quote!(#rt::json_codec! { #received #call }))
}

fn raw(rt: &TokenStream, function: &ItemFn, parameters: &[Parameter]) -> Result<TokenStream> {
    let call = call(rt, &quote!(Raw), function, parameters);
    let received = match parameters {
        [] => TokenStream::new(),
        [Parameter { owned, span, .. }] => {
            let argument = argument(0);
            quote_spanned! {*span=>
                let ::core::option::Option::Some(#argument) = #rt::raw_input::<#owned>() else {
                    return #rt::FAILED;
                };
            }
        }
        _ => {
            let message = "a task with codec = \"raw\" takes nothing or one buffer";
            return Err(Error::new(function.sig.inputs.span(), message));
        }
    };
    Ok(quote!(#received #call))
}

fn refuse(function: &ItemFn) -> Result<()> {
    let signature = &function.sig;
    if let Some(word) = &signature.asyncness {
        return Err(Error::new(
            word.span,
            "a task is not async: it has a worker of its own and may wait as it is",
        ));
    }
    if let Some(word) = &signature.unsafety {
        return Err(Error::new(
            word.span,
            "a task is a safe function: anybody may call it with anything",
        ));
    }
    if let Some(abi) = &signature.abi {
        return Err(Error::new(
            abi.span(),
            "a task is an ordinary function; its export is made beside it",
        ));
    }
    if !signature.generics.params.is_empty() {
        return Err(Error::new(
            signature.generics.params.span(),
            "a task has no generic parameters: its types are written into the module (references need no lifetime)",
        ));
    }
    if let Some(clause) = &signature.generics.where_clause {
        return Err(Error::new(
            clause.span(),
            "a task has no generic parameters to restrict",
        ));
    }
    Ok(())
}

fn parameter(index: usize, input: &FnArg) -> Result<Parameter> {
    let input = match input {
        FnArg::Receiver(receiver) => {
            return Err(Error::new(
                receiver.span(),
                "a task is a free function: there is no `self` to call it on",
            ));
        }
        FnArg::Typed(input) => input,
    };
    let label = match &*input.pat {
        Pat::Ident(pattern) => pattern.ident.unraw().to_string(),
        _ => format!("number {}", index + 1),
    };
    let mut ty = &*input.ty;
    while let Type::Paren(inner) = ty {
        ty = &inner.elem;
    }
    let (owned, borrowed) = match ty {
        Type::Reference(reference) => {
            if let Some(lifetime) = &reference.lifetime {
                return Err(Error::new(
                    lifetime.span(),
                    "the reference lives for the call: leave out the lifetime",
                ));
            }
            if let Some(word) = &reference.mutability {
                return Err(Error::new(
                    word.span,
                    "nobody would see the change: take the value, or a shared reference",
                ));
            }
            (owned(&reference.elem), true)
        }
        ty => (ty.to_token_stream(), false),
    };
    no_impl(ty)?;
    if let Some(span) = find(
        owned.clone(),
        &|token| matches!(token, TokenTree::Punct(punct) if matches!(punct.as_char(), '&' | '\'')),
    ) {
        return Err(Error::new(
            span,
            "a reference may be the whole parameter, not a part of it: what is received is owned",
        ));
    }
    Ok(Parameter {
        label,
        owned,
        borrowed,
        span: ty.span(),
    })
}

/// What is received where the function borrows a `ty`.
fn owned(ty: &Type) -> TokenStream {
    match ty {
        Type::Slice(slice) => {
            let element = &slice.elem;
            quote_spanned!(ty.span()=> ::std::vec::Vec<#element>)
        }
        Type::Path(path) if path.qself.is_none() && path.path.is_ident("str") => {
            quote_spanned!(ty.span()=> ::std::string::String)
        }
        ty => ty.to_token_stream(),
    }
}

fn owned_result(ty: &Type) -> Result<()> {
    no_impl(ty)?;
    if let Some(span) = find(
        ty.to_token_stream(),
        &|token| matches!(token, TokenTree::Punct(punct) if punct.as_char() == '&'),
    ) {
        return Err(Error::new(
            span,
            "a task returns what it owns: a `String` for `&str`, a `Vec<T>` for `&[T]`",
        ));
    }
    if let Some(argument) = elided_lifetime(ty) {
        return Err(Error::new(
            argument,
            "a task returns what it owns: no lifetime other than `'static`",
        ));
    }
    Ok(())
}

/// The first generic argument that is a lifetime other than `'static`.
fn elided_lifetime(ty: &Type) -> Option<Span> {
    let Type::Path(path) = ty else { return None };
    path.path
        .segments
        .iter()
        .find_map(|segment| match &segment.arguments {
            PathArguments::AngleBracketed(arguments) => {
                arguments.args.iter().find_map(|argument| match argument {
                    GenericArgument::Lifetime(lifetime) if lifetime.ident != "static" => {
                        Some(lifetime.span())
                    }
                    GenericArgument::Type(inner) => elided_lifetime(inner),
                    _ => None,
                })
            }
            _ => None,
        })
}

fn no_impl(ty: &Type) -> Result<()> {
    let found = find(
        ty.to_token_stream(),
        &|token| matches!(token, TokenTree::Ident(ident) if ident == "impl"),
    );
    found.map_or(Ok(()), |span| {
        Err(Error::new(
            span,
            "a task names its types: they are written into the module, `impl Trait` is none",
        ))
    })
}

/// The place of the first token that is looked for, at any depth.
fn find(tokens: TokenStream, wanted: &dyn Fn(&TokenTree) -> bool) -> Option<Span> {
    tokens.into_iter().find_map(|token| match &token {
        TokenTree::Group(group) => find(group.stream(), wanted),
        token if wanted(token) => Some(token.span()),
        _ => None,
    })
}
