//! What surrounds every page: who asks, the headers that must never be forgotten, and a page
//! instead of whatever went wrong.

use crate::{app::Portal, assets, form::Typed, pages::account, refusal::Refusal, visitor::Visitor};
use actix_web::{
    Error, HttpMessage, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        Method,
        header::{self, HeaderName, HeaderValue},
    },
    middleware::Next,
    web::Data,
};
use futures_util::FutureExt;
use std::{panic::AssertUnwindSafe, sync::Arc};

/// Nothing from elsewhere, nothing inline, in no frame of anybody.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// Around each request.
pub(crate) async fn surround(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let portal = request.app_data::<Data<Portal>>().expect("the portal is always there").clone();
    let visitor = Visitor::of(&request, Arc::clone(&portal));
    let (is_asset, is_get) =
        (request.path().starts_with(assets::PREFIX), request.method() == Method::GET);
    request.extensions_mut().insert(visitor.clone());

    let answer = AssertUnwindSafe(next.call(request)).catch_unwind().await;
    let answer = match answer {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) => Err(anyhow::anyhow!("{error}")),
        Err(panic) => Err(anyhow::anyhow!("a page panicked: {}", said(&*panic))),
    };
    let mut response = match answer {
        Ok(response) => match as_refusal(response.response().error(), &response) {
            None => response.map_into_boxed_body(),
            Some(refusal) => {
                let typed = response.request().extensions_mut().remove::<Typed>();
                let page = refused(&visitor, &refusal, typed, is_get);
                response.into_response(page)
            }
        },
        // The request went down with its handler; only the page is left to answer with.
        Err(error) => {
            let mut page = Refusal::from(error).page(&visitor);
            dress(&mut page, None);
            return Err(InternalError::from_response("a page failed", page).into());
        }
    };
    dress(response.response_mut(), Some(&visitor).filter(|_| !is_asset));
    Ok(response)
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// Why an answer of actix's own, or of a handler, is no page.
fn as_refusal(
    error: Option<&Error>,
    response: &ServiceResponse<impl MessageBody>,
) -> Option<Refusal> {
    let error = error?;
    if response.status().is_success() || response.status().is_redirection() {
        return None;
    }
    Some(match error.as_error::<Refusal>() {
        Some(refusal) => refusal.clone(),
        None => Refusal::Unreadable(error.to_string()),
    })
}

fn refused(
    visitor: &Visitor,
    refusal: &Refusal,
    typed: Option<Typed>,
    is_get: bool,
) -> HttpResponse {
    match (refusal, typed) {
        (Refusal::SignIn, Some(typed)) => account::sign_in_again(visitor, &typed),
        (Refusal::SignIn, None) if is_get => account::sign_in_first(visitor),
        _ => refusal.page(visitor),
    }
}

/// Sets the headers that every answer has; and for pages those of the visitor.
fn dress(response: &mut HttpResponse, visitor: Option<&Visitor>) {
    const FIXED: [(HeaderName, &str); 6] = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(self), geolocation=(), microphone=()",
        ),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    if let Some(visitor) = visitor {
        visitor.introduce(response);
    }
    let headers = response.headers_mut();
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
