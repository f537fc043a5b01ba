//! What an MCP server says, in the words of the model.

use abide_model::Json;
use abide_model::llm::ContentPart;
use abide_model::tools::{Tool, ToolResult};
use rmcp::model::{CallToolResult, ContentBlock, ResourceContents};
use serde_json::Value;

/// A tool as `tools.list` gives it.
pub(crate) fn tool(provider: &str, tool: &rmcp::model::Tool) -> Tool {
    let json = |schema: &rmcp::model::JsonObject| Json::from(&Value::Object(schema.clone()));
    Tool {
        provider: provider.to_owned(),
        name: tool.name.to_string(),
        description: tool.description.as_deref().or(tool.title.as_deref()).map(str::to_owned),
        input_schema: json(&tool.input_schema),
        output_schema: tool.output_schema.as_deref().map(json),
    }
}

/// A result as `tools.call` gives it.
pub(crate) fn result(result: CallToolResult) -> ToolResult {
    let structured = result.structured_content.as_ref().map(Json::from);
    let mut content: Vec<_> = result.content.into_iter().map(part).collect();
    if let (true, Some(structured)) = (content.is_empty(), &structured) {
        // A model reads only content.
        content.push(text(structured.as_str()));
    }
    ToolResult { content, structured, is_error: result.is_error.unwrap_or(false) }
}

fn part(block: ContentBlock) -> ContentPart {
    match block {
        ContentBlock::Text(content) => text(content.text),
        ContentBlock::Image(image) => {
            ContentPart::Image { media_type: image.mime_type, url: None, base64: Some(image.data) }
        }
        ContentBlock::Audio(audio) => text(format!("[{} bytes of {}]", decoded_len(&audio.data), audio.mime_type)),
        ContentBlock::ResourceLink(link) => text(format!("{}: {}", link.name, link.uri)),
        ContentBlock::Resource(embedded) => match embedded.resource {
            ResourceContents::TextResourceContents { text: content, .. } => text(content),
            ResourceContents::BlobResourceContents { mime_type: Some(media_type), blob, .. }
                if media_type.starts_with("image/") =>
            {
                ContentPart::Image { media_type, url: None, base64: Some(blob) }
            }
            ResourceContents::BlobResourceContents { uri, blob, .. } => {
                text(format!("[{} bytes at {uri}]", decoded_len(&blob)))
            }
            _ => text("[a resource of an unknown kind]"),
        },
        _ => text("[content of an unknown kind]"),
    }
}

fn text(text: impl Into<String>) -> ContentPart {
    ContentPart::Text { text: text.into() }
}

/// How many bytes a text of base64 stands for.
fn decoded_len(base64: &str) -> usize {
    base64.trim_end_matches('=').len() * 3 / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_content_reaches_the_guest() {
        let given: CallToolResult = serde_json::from_value(serde_json::json!({
            "content": [
                { "type": "text", "text": "a" },
                { "type": "image", "data": "AAAA", "mimeType": "image/png" },
                { "type": "audio", "data": "AAA=", "mimeType": "audio/wav" },
                { "type": "resource_link", "uri": "file:///x", "name": "x" },
                { "type": "resource", "resource": { "uri": "file:///y", "text": "y" } },
                { "type": "resource", "resource": { "uri": "file:///z", "blob": "AAAA", "mimeType": "application/zip" } },
                { "type": "resource", "resource": { "uri": "file:///i", "blob": "AAAA", "mimeType": "image/gif" } },
            ],
            "structuredContent": { "n": 1 },
            "isError": true,
        }))
        .unwrap();
        let result = result(given);
        let shown: Vec<_> = result
            .content
            .iter()
            .map(|part| match part {
                ContentPart::Text { text } => text.clone(),
                ContentPart::Image { media_type, .. } => format!("image {media_type}"),
            })
            .collect();
        let expected = [
            "a",
            "image image/png",
            "[2 bytes of audio/wav]",
            "x: file:///x",
            "y",
            "[3 bytes at file:///z]",
            "image image/gif",
        ];
        assert_eq!(shown, expected);
        assert_eq!(result.structured.unwrap().as_str(), r#"{"n":1}"#);
        assert!(result.is_error);
    }

    #[test]
    fn a_model_reads_a_structured_result_too() {
        let given: CallToolResult = serde_json::from_value(serde_json::json!({ "structuredContent": [1] })).unwrap();
        assert_eq!(result(given).content, [text("[1]")]);
    }
}
