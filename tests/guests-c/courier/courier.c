// A workflow in C: it makes two deliveries at the same time, waits for a receipt with a time limit, and gives back what came of it.
//
// Input: {"patience_ms": N}. Output: {"delivered": 2, "receipt": …}, where the receipt is null if none came in time.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workflow.h"

// A call that was begun: what it writes its result to has to stay where it is until it has ended.
typedef struct {
    workflow_subtask_t subtask;
    bool ended;
} pending_t;

static pending_t begun(workflow_subtask_status_t status, workflow_waitable_set_t set) {
    pending_t pending = {WORKFLOW_SUBTASK_HANDLE(status), WORKFLOW_SUBTASK_STATE(status) == WORKFLOW_SUBTASK_RETURNED};
    if (!pending.ended) workflow_waitable_join(pending.subtask, set);
    return pending;
}

// Waits until one of the calls in the set ends. The run may be put away meanwhile, for months.
static void wait_for_one(workflow_waitable_set_t set, pending_t *pending, size_t count) {
    workflow_event_t event;
    workflow_waitable_set_wait(set, &event);
    if (event.event != WORKFLOW_EVENT_SUBTASK || WORKFLOW_SUBTASK_STATE(event.code) != WORKFLOW_SUBTASK_RETURNED) return;
    for (size_t i = 0; i < count; i++) {
        if (!pending[i].ended && pending[i].subtask == event.waitable) {
            pending[i].ended = true;
            workflow_waitable_join(event.waitable, 0);
            workflow_subtask_drop(event.waitable);
        }
    }
}

// Drops a call that nobody waits for any more.
static void cancel(pending_t *pending) {
    if (pending->ended) return;
    workflow_waitable_join(pending->subtask, 0);
    workflow_subtask_cancel(pending->subtask);
    workflow_subtask_drop(pending->subtask);
    pending->ended = true;
}

static workflow_callback_code_t fail(abide_workflow_types_failure_t failure) {
    workflow_result_json_failure_t result = {.is_err = true, .val.err = failure};
    exports_workflow_run_return(result);
    return WORKFLOW_CALLBACK_CODE_EXIT;
}

static uint64_t patience_ms(const workflow_string_t *input) {
    static const char field[] = "\"patience_ms\":";
    char text[256] = {0};
    memcpy(text, input->ptr, input->len < sizeof text - 1 ? input->len : sizeof text - 1);
    const char *found = strstr(text, field);
    return found ? strtoull(found + sizeof field - 1, NULL, 10) : 1000;
}

workflow_callback_code_t exports_workflow_run(workflow_json_t *input) {
    workflow_waitable_set_t set = workflow_waitable_set_new();
    uint64_t patience = patience_ms(input);

    abide_workflow_tools_call_args_t parcels[2];
    abide_workflow_tools_result_tool_result_failure_t delivered[2];
    pending_t deliveries[2];
    const char *arguments[2] = {"{\"parcel\":1}", "{\"parcel\":2}"};
    memset(parcels, 0, sizeof parcels);
    for (size_t i = 0; i < 2; i++) {
        workflow_string_set(&parcels[i].provider, "post");
        workflow_string_set(&parcels[i].name, "deliver");
        workflow_string_set(&parcels[i].arguments, arguments[i]);
        deliveries[i] = begun(abide_workflow_tools_call(&parcels[i], &delivered[i]), set);
    }
    while (!deliveries[0].ended || !deliveries[1].ended) wait_for_one(set, deliveries, 2);
    for (size_t i = 0; i < 2; i++) {
        if (delivered[i].is_err) return fail(delivered[i].val.err);
        abide_workflow_tools_result_tool_result_failure_free(&delivered[i]);
    }

    // A signal and a timer race; the one that loses is dropped.
    workflow_string_t name;
    workflow_string_set(&name, "receipt");
    abide_workflow_signals_result_json_failure_t receipt;
    abide_workflow_timer_result_u64_failure_t rang;
    pending_t race[2];
    race[0] = begun(abide_workflow_signals_receive(name, &receipt), set);
    race[1] = begun(abide_workflow_timer_sleep(patience, &rang), set);
    while (!race[0].ended && !race[1].ended) wait_for_one(set, race, 2);
    bool came = race[0].ended;
    cancel(&race[0]);
    cancel(&race[1]);
    workflow_waitable_set_drop(set);
    if (came && receipt.is_err) return fail(receipt.val.err);

    workflow_string_t told = came ? receipt.val.ok : (workflow_string_t){(uint8_t *) "null", 4};
    size_t most = told.len + 64;
    char *text = malloc(most);
    int length = snprintf(text, most, "{\"delivered\":2,\"receipt\":%.*s}", (int) told.len, (const char *) told.ptr);
    workflow_result_json_failure_t result = {.is_err = false, .val.ok = {(uint8_t *) text, (size_t) length}};
    exports_workflow_run_return(result);
    free(text);
    return WORKFLOW_CALLBACK_CODE_EXIT;
}

// `run` waits where it stands, so it never asks to be called back.
workflow_callback_code_t exports_workflow_run_callback(workflow_event_t *event) {
    (void) event;
    return WORKFLOW_CALLBACK_CODE_EXIT;
}
