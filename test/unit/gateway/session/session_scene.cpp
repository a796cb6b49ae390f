// See session_scene.hpp.
#include "unit/gateway/session/session_scene.hpp"

#include <stdexcept>

#include <fmt/format.h>

namespace pgkeel::gateway::test {
namespace {

namespace wire = pg::wire;
using wire::MessageWriter;

struct Word {
  char letter = 0;
  std::vector<std::string> arguments;
  [[nodiscard]] std::string at(std::size_t index) const {
    return index < arguments.size() ? arguments[index] : "";
  }
};

std::vector<Word> words_of(std::string_view script) {
  std::vector<Word> words;
  for (std::size_t at = 0; at < script.size(); ++at) {
    if (script[at] == ' ') continue;
    Word word{script[at], {}};
    if (at + 1 < script.size() && script[at + 1] == '(') {
      const auto end = script.find(')', at);
      std::string argument;
      for (auto from = at + 2; from <= end; ++from) {
        if (from < end && script[from] != ',') {
          argument += script[from];
          continue;
        }
        word.arguments.push_back(std::exchange(argument, ""));
      }
      at = end;
    }
    words.push_back(std::move(word));
  }
  return words;
}

using NoFormats = std::vector<wire::Format>;

void put_frontend(ByteBuffer& out, const Word& word) {
  switch (word.letter) {
    case 'P': return wire::frontend::append_parse(out, word.at(0), word.at(1), std::vector<Oid>{});
    case 'B':
      return wire::frontend::append_bind(out, word.at(0), word.at(1), NoFormats{},
                                         std::vector<wire::Value>{word.at(2)}, NoFormats{});
    case 'D':
      return append(out,
                    wire::frontend::Describe{wire::frontend::Target{word.at(0)[0]}, word.at(1)});
    case 'C':
      return append(out, wire::frontend::Close{wire::frontend::Target{word.at(0)[0]}, word.at(1)});
    case 'E': return append(out, wire::frontend::Execute{word.at(0), 0});
    case 'Q': return append(out, wire::frontend::Query{word.at(0)});
    case 'f': return append(out, wire::frontend::CopyFail{word.at(0)});
    case 'd': MessageWriter(out, 'd').bytes(word.at(0)); return;
    case 'F':
      return wire::frontend::append_function_call(out, Oid{1}, NoFormats{},
                                                  std::vector<wire::Value>{}, wire::Format::Text);
    default: const MessageWriter bare(out, word.letter);
  }
}

void put_backend(ByteBuffer& out, const Word& word) {
  switch (word.letter) {
    case 'Z': return append(out, wire::backend::ReadyForQuery{TransactionStatus{word.at(0)[0]}});
    case 'C': return append(out, wire::backend::CommandComplete{word.at(0)});
    case 'T':
      return wire::backend::append_row_description(
          out, std::vector<wire::backend::Column>{{.name = "a"}});
    case 't': return wire::backend::append_parameter_description(out, std::vector<Oid>{Oid{23}});
    case 'D': return wire::backend::append_data_row(out, std::vector<wire::Value>{word.at(0)});
    case 'E':
    case 'N':
      return append(out, wire::ErrorReport{.sqlstate = word.at(0), .message = "m"},
                    wire::ReportAs{word.letter});
    case 'S': return append(out, wire::backend::ParameterStatus{word.at(0), word.at(1)});
    case 'V': return append(out, wire::backend::FunctionCallResponse{});
    case 'G':
    case 'H':
      return wire::backend::append_copy_response(out, wire::backend::CopyDirection{word.letter}, 0,
                                                 NoFormats{});
    case 'd': MessageWriter(out, 'd').bytes(word.at(0)); return;
    default: const MessageWriter bare(out, word.letter);
  }
}

std::string told_frontend(const wire::Message& message) {
  const auto type = message.type;
  if (type == 'P') {
    const auto parse = wire::frontend::Parse::decode(message.body).value();
    return fmt::format("P({},{})", parse.statement, parse.sql);
  }
  if (type == 'B') {
    const auto bind = wire::frontend::Bind::decode(message.body).value();
    return fmt::format("B({},{})", bind.portal, bind.statement);
  }
  if (type == 'D') {
    const auto one = wire::frontend::Describe::decode(message.body).value();
    return fmt::format("D({},{})", static_cast<char>(one.target), one.name);
  }
  if (type == 'C') {
    const auto one = wire::frontend::Close::decode(message.body).value();
    return fmt::format("C({},{})", static_cast<char>(one.target), one.name);
  }
  if (type == 'Q')
    return fmt::format("Q({})", wire::frontend::Query::decode(message.body).value().sql);
  return std::string(1, type);
}

std::string told_backend(const wire::Message& message) {
  const auto type = message.type;
  if (type == 'Z')
    return fmt::format(
        "Z({})", static_cast<char>(wire::backend::ReadyForQuery::decode(message.body)->status));
  if (type == 'E' || type == 'N')
    return fmt::format("{}({})", type, wire::ErrorFields::decode(message.body)->sqlstate());
  if (type == 'C')
    return fmt::format("C({})", wire::backend::CommandComplete::decode(message.body)->tag);
  return std::string(1, type);
}

template <class Tell>
std::string as_text(wire::Sender sender, ByteSpan bytes, const Tell& tell) {
  wire::MessageReader reader(sender, 1U << 24U);
  reader.feed(bytes);
  std::string text;
  for (;;) {
    const auto message = reader.next();
    if (!message) throw std::runtime_error(message.error().message());
    if (!*message) break;
    text += (text.empty() ? "" : " ") + tell(**message);
  }
  if (!reader.left().empty()) text += " ...";
  return text;
}

}  // namespace

ByteBuffer frontend(std::string_view script) {
  ByteBuffer out;
  for (const auto& word : words_of(script)) put_frontend(out, word);
  return out;
}

ByteBuffer backend(std::string_view script) {
  ByteBuffer out;
  for (const auto& word : words_of(script)) put_backend(out, word);
  return out;
}

std::string as_frontend(ByteSpan bytes) {
  return as_text(wire::Sender::Frontend, bytes, told_frontend);
}
std::string as_backend(ByteSpan bytes) {
  return as_text(wire::Sender::Backend, bytes, told_backend);
}

std::string Scene::says(std::string_view script, ServerSession* server) {
  auto bytes = std::exchange(unsaid_, {});
  wire::put_bytes(bytes, frontend(script));
  for (ByteSpan rest = bytes; !rest.empty();) {
    auto chunk = rest.first(std::min(cut_, rest.size()));
    rest = rest.subspan(chunk.size());
    const auto taken = client_.take(chunk, server, to_server_, to_client_);
    if (!taken) throw std::runtime_error(taken.error().message());
    step = *taken;
    if (step == ClientSession::Step::Done) continue;
    wire::put_bytes(unsaid_, chunk);
    wire::put_bytes(unsaid_, rest);
    break;
  }
  return as_frontend(to_server_.take());
}

std::string Scene::answers(ServerSession& server, std::string_view script) {
  const auto bytes = backend(script);
  for (ByteSpan rest = bytes; !rest.empty();) {
    auto chunk = rest.first(std::min(cut_, rest.size()));
    rest = rest.subspan(chunk.size());
    while (!chunk.empty()) {
      const auto taken = server.take(chunk, &to_client_, *this);
      if (!taken) throw std::runtime_error(taken.error().message());
      server_step = *taken;
    }
  }
  return told();
}

void Scene::on_message(const wire::Message& message, Answer) {
  if (message.type == 'C')
    tags.emplace_back(wire::backend::CommandComplete::decode(message.body)->tag);
}

}  // namespace pgkeel::gateway::test
