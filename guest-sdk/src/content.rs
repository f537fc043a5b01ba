//! What messages and tools say: texts and pictures. It loads no pictures: give an address, or bytes in base64.

pub use crate::bindings::abide::workflow::types::{ContentPart, Image, ImageSource};

impl ContentPart {
    /// Plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A picture that the model's provider fetches.
    ///
    /// ```
    /// use abide::content::ContentPart;
    /// let picture = ContentPart::image_url("image/png", "https://example.com/chart.png");
    /// ```
    pub fn image_url(media_type: impl Into<String>, url: impl Into<String>) -> Self {
        Self::Image(Image { media_type: media_type.into(), source: ImageSource::Url(url.into()) })
    }

    /// A picture as base64.
    pub fn image_base64(media_type: impl Into<String>, base64: impl Into<String>) -> Self {
        Self::Image(Image { media_type: media_type.into(), source: ImageSource::Base64(base64.into()) })
    }
}

impl From<&str> for ContentPart {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for ContentPart {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// The texts among the parts, one a line.
pub(crate) fn texts(parts: &[ContentPart]) -> String {
    let texts: Vec<&str> = parts
        .iter()
        .filter_map(|part| match part {
            ContentPart::Text(text) => Some(text.as_str()),
            ContentPart::Image(_) => None,
        })
        .collect();
    texts.join("\n")
}
