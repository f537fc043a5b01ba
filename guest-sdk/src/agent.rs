//! [`Agent`]: a model in a loop with tools, until it has an answer.
//!
//! It is one file of plain code on top of [`llm`](crate::llm) and [`tools`]: where it does not fit, copy and change it. It
//! remembers nothing between two conversations, and splits no work between several agents.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::pin::Pin;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::content::ContentPart;
use crate::llm::{Message, Request, ToolAnswer, ToolCall, ToolChoice, ToolDefinition, Usage};
use crate::tool_names::{for_model, unique};
use crate::{CallOptions, Failure, join_all, state, tools};

/// A model that uses tools until it has an answer.
///
/// Each turn the model is asked once; the tools that it asks for run concurrently, and what they say, be it an error, is
/// given back to it. It ends with the turn in which the model asks for no tool. In the last turn that it may take, the model
/// may not ask for tools, so that it has to answer with what it knows.
///
/// ```no_run
/// use abide::Agent;
/// use serde_json::json;
///
/// #[derive(serde::Deserialize)]
/// struct Sum { a: i64, b: i64 }
///
/// # async fn f() -> Result<(), abide::Failure> {
/// let outcome = Agent::new("openai/gpt-5-mini")
///     .system("You answer questions about the files of a project.")
///     .tools_of("files", &["list_directory", "read_text_file"])
///     .local_tool(
///         "add", "Adds two numbers.",
///         json!({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a", "b"]}),
///         async |sum: Sum| Ok(sum.a + sum.b),
///     )
///     .max_turns(12)
///     .publish_as("agent")
///     .run("How many tests are there?")
///     .await?;
/// println!("{} (after {} turns)", outcome.text, outcome.turns);
/// # Ok(()) }
/// ```
#[must_use = "an agent does nothing until it is run"]
pub struct Agent {
    model: String,
    system: Option<String>,
    providers: Vec<(String, Vec<String>)>,
    local: Vec<(ToolDefinition, LocalTool)>,
    max_turns: u32,
    model_options: Option<CallOptions>,
    tool_options: Option<CallOptions>,
    publish_as: Option<String>,
    stop_when: Option<StopCondition>,
}

/// What came of a conversation. It can be stored, and gone on with: see [`Agent::run_with`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentOutcome {
    /// The model's last text.
    pub text: String,
    /// The whole conversation.
    pub messages: Vec<Message>,
    /// How often the model was asked.
    pub turns: u32,
    /// The tools that were used, by the names that the model knows, in alphabetic order.
    pub tools_used: BTreeSet<String>,
    /// Tokens of all turns, as far as the provider counted.
    pub usage: Usage,
}

type StopCondition = Box<dyn Fn(&[Message]) -> bool>;
type Answer = Result<Vec<ContentPart>, Failure>;
type LocalTool = Box<dyn Fn(ToolCall) -> Pin<Box<dyn Future<Output = Answer>>>>;

/// What stands behind a name that the model knows.
enum Target<'a> {
    Provider { provider: String, name: String },
    Local(&'a LocalTool),
}

impl Agent {
    /// An agent with this model, by the names of [`Request::new`].
    pub fn new(model: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            system: None,
            providers: Vec::new(),
            local: Vec::new(),
            max_turns: 16,
            model_options: None,
            tool_options: None,
            publish_as: None,
            stop_when: None,
        }
    }

    /// Instructions that stand above the conversation.
    pub fn system(mut self, text: impl Into<String>) -> Self {
        self.system = Some(text.into());
        self
    }

    /// Lets the model use tools of a provider: those named, by their provider's names, or all where `only` is empty.
    pub fn tools_of(mut self, provider: impl Into<String>, only: &[&str]) -> Self {
        self.providers.push((provider.into(), only.iter().map(ToString::to_string).collect()));
        self
    }

    /// Lets the model use a tool that is code of the workflow: a closure that takes the arguments and gives a value or a failure, which
    /// the model is told. It may make calls.
    pub fn local_tool<A, R>(
        mut self,
        name: &str,
        description: &str,
        schema: Value,
        tool: impl AsyncFn(A) -> Result<R, Failure> + Clone + 'static,
    ) -> Self
    where
        A: DeserializeOwned,
        R: Serialize,
    {
        let run = move |call: ToolCall| -> Pin<Box<dyn Future<Output = Answer>>> {
            let tool = tool.clone();
            Box::pin(async move {
                let value = serde_json::to_value(tool(call.parse()?).await?)?;
                // A text is given as it is: models need no quotes around it.
                let text = if let Value::String(text) = value { text } else { value.to_string() };
                Ok(vec![ContentPart::Text(text)])
            })
        };
        self.local.push((ToolDefinition::new(for_model(&[name]), description, &schema), Box::new(run)));
        self
    }

    /// How often the model is asked at most; 16 if not said.
    pub fn max_turns(mut self, turns: u32) -> Self {
        self.max_turns = turns.max(1);
        self
    }

    /// How the model is called.
    pub fn model_options(mut self, options: CallOptions) -> Self {
        self.model_options = Some(options);
        self
    }

    /// How tools are called.
    pub fn tool_options(mut self, options: CallOptions) -> Self {
        self.tool_options = Some(options);
        self
    }

    /// Publishes what goes on under this name: `{"turn", "max_turns", "tools", "usage"}`, where `tools` are those in flight.
    pub fn publish_as(mut self, name: impl Into<String>) -> Self {
        self.publish_as = Some(name.into());
        self
    }

    /// Ends the conversation after the turn whose messages make this true, even if the model would go on.
    pub fn stop_when(mut self, condition: impl Fn(&[Message]) -> bool + 'static) -> Self {
        self.stop_when = Some(Box::new(condition));
        self
    }

    /// Begins a conversation with what the user says.
    pub async fn run(&self, prompt: impl Into<String>) -> Result<AgentOutcome, Failure> {
        let system = self.system.clone().map(Message::System);
        self.run_with(system.into_iter().chain([Message::user(prompt)]).collect()).await
    }

    /// Goes on with a conversation, whose last message is one that the model can answer. Does not add the system text.
    pub async fn run_with(&self, messages: Vec<Message>) -> Result<AgentOutcome, Failure> {
        let (definitions, targets) = self.tools().await?;
        let mut outcome = AgentOutcome {
            text: String::new(),
            messages,
            turns: 0,
            tools_used: BTreeSet::new(),
            usage: Usage::default(),
        };

        while outcome.turns < self.max_turns {
            outcome.turns += 1;
            self.publish(&outcome, &[])?;
            let response = self.ask(&outcome, &definitions).await?;
            outcome.usage += response.usage.unwrap_or_default();
            outcome.text = response.text().to_owned();
            let calls = response.message.tool_calls.clone();
            outcome.messages.push(Message::Assistant(response.message));
            if calls.is_empty() {
                return Ok(outcome);
            }

            self.publish(&outcome, &calls)?;
            let answers = join_all(calls.iter().map(|call| self.answer(call, targets.get(&call.name)))).await;
            outcome.messages.extend(answers);
            outcome.tools_used.extend(calls.into_iter().map(|call| call.name));
            if self.stop_when.as_ref().is_some_and(|stop| stop(&outcome.messages)) {
                return Ok(outcome);
            }
        }
        let message =
            format!("the model still asked for tools in turn {}: raise `max_turns` or narrow the task", self.max_turns);
        Err(Failure::new("max-turns", message).with_details(json!({ "turns": outcome.turns, "usage": outcome.usage })))
    }

    async fn ask(
        &self,
        outcome: &AgentOutcome,
        definitions: &[ToolDefinition],
    ) -> Result<crate::llm::Response, Failure> {
        let mut request = Request::new(&*self.model).messages(outcome.messages.clone()).tools(definitions.to_vec());
        if outcome.turns == self.max_turns && !definitions.is_empty() {
            request = request.tool_choice(ToolChoice::None);
        }
        if let Some(options) = &self.model_options {
            request = request.options(options.clone());
        }
        request.generate().await
    }

    /// Performs what the model asks for. Whatever goes wrong is told to the model, which may try something else.
    async fn answer(&self, call: &ToolCall, target: Option<&Target<'_>>) -> Message {
        let answer = match target {
            Some(Target::Local(tool)) => tool(call.clone()).await.map(|content| (content, false)),
            Some(Target::Provider { provider, name }) => self.call_provider(provider, name, call).await,
            None => Err(Failure::new("unknown-tool", format!("there is no tool `{}`", call.name))),
        };
        let (content, is_error) = answer.unwrap_or_else(|failure| (vec![ContentPart::Text(failure.to_string())], true));
        Message::Tool(ToolAnswer { call_id: call.id.clone(), content, is_error })
    }

    async fn call_provider(
        &self,
        provider: &str,
        name: &str,
        call: &ToolCall,
    ) -> Result<(Vec<ContentPart>, bool), Failure> {
        let arguments: Value = call.parse()?;
        if !arguments.is_object() {
            return Err(Failure::new("invalid-arguments", format!("the arguments are no JSON object: {arguments}")));
        }
        let result =
            tools::call_with(provider, name, &arguments, self.tool_options.clone().unwrap_or_default()).await?;
        let content = match result.structured {
            // Some tools give nothing but the structured form.
            Some(structured) if result.content.is_empty() => {
                vec![ContentPart::Text(structured.to_string())]
            }
            _ => result.content,
        };
        Ok((content, result.is_error))
    }

    /// The tools that the model may ask for, and what stands behind their names.
    async fn tools(&self) -> Result<(Vec<ToolDefinition>, BTreeMap<String, Target<'_>>), Failure> {
        let mut definitions = Vec::new();
        let mut targets = BTreeMap::new();
        for (definition, tool) in &self.local {
            definitions.push(definition.clone());
            targets.insert(definition.name.clone(), Target::Local(tool));
        }
        let lists = join_all(self.providers.iter().map(|(provider, _)| tools::list_of(provider))).await;
        for ((provider, only), list) in self.providers.iter().zip(lists) {
            let list = list?;
            if let Some(missing) = only.iter().find(|name| !list.iter().any(|tool| tool.name == **name)) {
                return Err(Failure::new("unknown-tool", format!("the provider `{provider}` has no tool `{missing}`")));
            }
            for tool in list.into_iter().filter(|tool| only.is_empty() || only.contains(&tool.name)) {
                let name = unique(for_model(&[&tool.provider, &tool.name]), &targets);
                definitions.push(ToolDefinition {
                    name: name.clone(),
                    description: tool.description,
                    parameters: tool.input_schema.to_string(),
                });
                targets.insert(name, Target::Provider { provider: tool.provider, name: tool.name });
            }
        }
        Ok((definitions, targets))
    }

    fn publish(&self, outcome: &AgentOutcome, in_flight: &[ToolCall]) -> Result<(), Failure> {
        let Some(name) = &self.publish_as else {
            return Ok(());
        };
        let tools: Vec<&str> = in_flight.iter().map(|call| call.name.as_str()).collect();
        state::publish(
            name,
            &json!({"turn": outcome.turns, "max_turns": self.max_turns, "tools": tools, "usage": outcome.usage}),
        )
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent").field("model", &self.model).field("providers", &self.providers).finish_non_exhaustive()
    }
}
