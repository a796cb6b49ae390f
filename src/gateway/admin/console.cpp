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
  for (;;) {
    TRY(message, reader_.next());
    if (!message) return Step::Done;
    switch (message->type) {
      case frontend::Terminate::kType: return Step::Left;
      case frontend::Query::kType: {
        TRY(query, frontend::Query::decode(message->body));
        answer(query.sql, out);
        ready(out);
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
  const auto done = host_.act(*command);
  if (!done) return append_error(out, done.error());
  append_done(out, command->verb);
}

void Console::ready(ByteBuffer& out) {
  append(out, backend::ReadyForQuery{backend::TransactionStatus::Idle});
}

}  // namespace pgkeel::gateway::admin
