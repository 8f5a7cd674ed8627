//! The agent's list of things to do.

use serde_json::{Map, Value, json};

use crate::tool::Call;

/// What is known of the list. Older versions write it as a whole (`TodoWrite`), newer ones entry by entry
/// (`TaskCreate`, `TaskUpdate`).
#[derive(Debug, Default)]
pub(crate) struct Todo(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    id: String,
    text: String,
    status: String,
}

impl Todo {
    /// Takes a call that went well; gives the list, if the call was about it.
    pub(crate) fn take(&mut self, call: &Call, structured: Option<&Map<String, Value>>) -> Option<Value> {
        match call.name.as_str() {
            "TodoWrite" => {
                let todos = call.input.get("todos")?.as_array()?;
                self.0 = (0_usize..).zip(todos).map(|(at, todo)| Entry::of_todo(at, todo)).collect();
            }
            "TaskCreate" => {
                let task = structured.and_then(|structured| structured.get("task"));
                let id = task.and_then(|task| text(task, "id"));
                let id = id.unwrap_or_else(|| (self.0.len() + 1).to_string());
                let text = call.text("subject")?.to_owned();
                self.0.push(Entry { id, text, status: "pending".to_owned() });
            }
            "TaskUpdate" => {
                let id = call.text("taskId")?;
                let at = self.0.iter().position(|entry| entry.id == id)?;
                let entry = self.0.get_mut(at)?;
                if let Some(subject) = call.text("subject") {
                    subject.clone_into(&mut entry.text);
                }
                match call.text("status") {
                    Some("deleted") => drop(self.0.remove(at)),
                    Some(status) => status.clone_into(&mut entry.status),
                    None => {}
                }
            }
            _ => return None,
        }
        let items: Vec<Value> = self
            .0
            .iter()
            .map(|entry| json!({ "text": entry.text, "completed": entry.status == "completed", "status": entry.status }))
            .collect();
        Some(Value::Array(items))
    }
}

impl Entry {
    fn of_todo(at: usize, todo: &Value) -> Self {
        Self {
            id: at.to_string(),
            text: text(todo, "content").unwrap_or_default(),
            status: text(todo, "status").unwrap_or_else(|| "pending".to_owned()),
        }
    }
}

fn text(of: &Value, key: &str) -> Option<String> {
    of.get(key).and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(name: &str, input: Value) -> Call {
        Call { id: "t".into(), name: name.into(), input: input.as_object().unwrap().clone(), parent: None }
    }

    #[test]
    fn a_list_is_written_as_a_whole_or_entry_by_entry() {
        let mut todo = Todo::default();
        let written =
            call("TodoWrite", json!({"todos": [{"content": "a", "status": "completed"}, {"content": "b"}]}));
        let items = todo.take(&written, None).unwrap();
        assert_eq!(items[0], json!({"text": "a", "completed": true, "status": "completed"}));
        assert_eq!(items[1]["completed"], false);

        let mut todo = Todo::default();
        let made = json!({"task": {"id": "7", "subject": "a"}});
        todo.take(&call("TaskCreate", json!({"subject": "a", "description": "A"})), made.as_object());
        let items =
            todo.take(&call("TaskUpdate", json!({"taskId": "7", "status": "completed"})), None).unwrap();
        assert_eq!(items, json!([{"text": "a", "completed": true, "status": "completed"}]));
        assert_eq!(
            todo.take(&call("TaskUpdate", json!({"taskId": "7", "status": "deleted"})), None),
            Some(json!([]))
        );
        assert_eq!(todo.take(&call("TaskUpdate", json!({"taskId": "9"})), None), None);
        assert_eq!(todo.take(&call("Bash", json!({})), None), None);
    }
}
