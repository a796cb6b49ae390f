// See console.hpp.
#include "gateway/admin/console.hpp"

#include "pg/wire/frontend_messages.hpp"

namespace pgkeel::gateway::admin {
namespace {

namespace frontend = pg::wire::frontend;
namespace backend = pg::wire::backend;

Error simple_only() {
  Error error(ErrorCode::NotSupported, "the admin console speaks the simple protocol only");
  error.sqlstate = "0A000";
  return std::move(error).with_hint("Use a driver's simple query mode, as psql does.");
}

}  // namespace

Result<Console::Step> Console::take(ByteSpan bytes, ByteBuffer& out) {
  reader_.feed(bytes);
  return go_on(out);
}

Result<Console::Step> Console::acted(const Result<void>& how, ByteBuffer& out) {
  act_.reset();
  answer_act(how, out);
  ready(out);
  return go_on(out);
}

Result<Console::Step> Console::go_on(ByteBuffer& out) {
  for (;;) {
    if (act_ && reader_.left().size() > kCommandBytesMost)
      return fail(ErrorCode::Refused, "too much was said while the last command is under way");
    if (act_) return Step::Done;
    TRY(message, reader_.next());
    if (!message) return Step::Done;
    switch (message->type) {
      case frontend::Terminate::kType: return Step::Left;
      case frontend::Query::kType: {
        TRY(query, frontend::Query::decode(message->body));
        answer(query.sql, out);
        if (!act_) ready(out);
        break;
      }
      case frontend::Sync::kType:
        skipping_ = false;
        ready(out);
        break;
      case frontend::Flush::kType: break;
      default:
        if (!std::exchange(skipping_, true)) append_error(out, simple_only());
    }
  }
}

void Console::answer(std::string_view text, ByteBuffer& out) {
  const auto command = parse_command(text);
  if (!command) return append_error(out, command.error());
  if (command->verb == Verb::Show)
    return append_show(out, command->topic, host_.show(command->topic));
  verb_ = command->verb;
  auto begun = host_.act(*command, over_);
  if (!begun) return append_error(out, begun.error());
  act_ = std::move(*begun);
  if (!act_) append_done(out, verb_);
}

void Console::answer_act(const Result<void>& how, ByteBuffer& out) {
  if (how) append_done(out, verb_);
  else append_error(out, how.error());
}

void Console::ready(ByteBuffer& out) {
  append(out, backend::ReadyForQuery{backend::TransactionStatus::Idle});
}

}  // namespace pgkeel::gateway::admin
