//! What a visitor sends by one of our forms, and no other site can have sent.

use axum::{
    Form,
    extract::{FromRequest, FromRequestParts, Request},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use maud::{Markup, html};
use serde::{Deserialize, de::DeserializeOwned};

use super::{Page, access::Visitor, cross_site, frame};

const OUT_OF_DATE: &str =
    "The page from which this was sent is out of date, so nothing was done. Please load it again.";

/// The fields of a form of ours, sent by somebody who may.
pub(super) struct Sent<T> {
    pub(super) visitor: Visitor,
    pub(super) fields: T,
}

#[derive(Deserialize)]
struct Fields<T> {
    form_token: String,
    #[serde(flatten)]
    others: T,
}

/// The field that every form of ours must have.
pub(super) fn token_field(token: &str) -> Markup {
    html! { input type="hidden" name="form_token" value=(token); }
}

impl<T: DeserializeOwned> FromRequest<Page> for Sent<T> {
    type Rejection = Response;

    async fn from_request(request: Request, page: &Page) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let refused = |why| frame::message(StatusCode::FORBIDDEN, "Not done", html! { (why) });
        if !cross_site::is_same_origin(&parts.headers) {
            return Err(refused(cross_site::CROSS_SITE));
        }
        let visitor = Visitor::from_request_parts(&mut parts, page).await?;
        let form = Form::<Fields<T>>::from_request(Request::from_parts(parts, body), page).await;
        let Form(Fields { form_token, others }) = form.map_err(IntoResponse::into_response)?;
        if !visitor.has_form_token(page, &form_token) {
            return Err(refused(OUT_OF_DATE));
        }
        Ok(Self { visitor, fields: others })
    }
}
