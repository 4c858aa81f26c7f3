#include "backends/redis/redis_reply.h"

#include <hiredis/read.h>

#include <algorithm>
#include <new>
#include <utility>

#include <deimos/internal/one_line.h>

namespace deimos {
namespace {

/// In one answer, at all depths together. A page of records has some thousands.
constexpr int most_items = 1'000'000;

struct FreeReader {
  void operator()(redisReader* reader) const noexcept { redisReaderFree(reader); }
};

/// The value that is being read.
struct Tree {
  RedisValue root;
  int items = 0;
};

/// Where the parser's current item goes: its arrays have all their items from the start.
RedisValue& place_of(const redisReadTask& task) {
  if (task.parent == nullptr) return static_cast<Tree*>(task.privdata)->root;
  return static_cast<RedisValue*>(task.parent->obj)->items[static_cast<std::size_t>(task.idx)];
}

void* create_string(const redisReadTask* task, char* text, std::size_t size) {
  RedisValue& value = place_of(*task);
  value.kind = task->type == REDIS_REPLY_ERROR    ? RedisValue::Kind::error
               : task->type == REDIS_REPLY_STATUS ? RedisValue::Kind::status
                                                  : RedisValue::Kind::text;
  value.text.assign(text, size);
  return &value;
}

/// Newer versions of hiredis count in another type.
template <typename Size>
void* create_array(const redisReadTask* task, Size size) {
  auto& tree = *static_cast<Tree*>(task->privdata);
  if (size > static_cast<Size>(most_items - tree.items)) return nullptr;
  tree.items += static_cast<int>(size);
  RedisValue& value = place_of(*task);
  value.kind = RedisValue::Kind::array;
  value.items.resize(static_cast<std::size_t>(size));
  return &value;
}

void* create_integer(const redisReadTask* task, long long integer) {
  RedisValue& value = place_of(*task);
  value.kind = RedisValue::Kind::integer;
  value.integer = integer;
  return &value;
}

void* create_nil(const redisReadTask* task) {
  RedisValue& value = place_of(*task);
  value.kind = RedisValue::Kind::nil;
  return &value;
}

void free_nothing(void* /*value*/) {}  // The tree owns its values.

redisReplyObjectFunctions functions_of_values() {
  redisReplyObjectFunctions functions{};
  functions.createString = create_string;
  functions.createArray = create_array;
  functions.createInteger = create_integer;
  functions.createNil = create_nil;
  functions.freeObject = free_nothing;
  return functions;
}

}  // namespace

std::string_view RedisValue::text_at(std::size_t index) const noexcept { return at(index).text; }

const RedisValue& RedisValue::at(std::size_t index) const noexcept {
  static const RedisValue nil;
  return index < items.size() ? items[index] : nil;
}

struct RedisReader::Parser {
  redisReplyObjectFunctions functions = functions_of_values();
  Tree tree;
  std::unique_ptr<redisReader, FreeReader> reader;
};

RedisReader::RedisReader(std::size_t most_bytes) : parser_(std::make_unique<Parser>()), most_bytes_(most_bytes) {
  parser_->reader.reset(redisReaderCreateWithFunctions(&parser_->functions));
  if (!parser_->reader) throw std::bad_alloc();
  parser_->reader->privdata = &parser_->tree;
}

RedisReader::~RedisReader() = default;

void RedisReader::feed(std::string_view bytes) {
  constexpr std::size_t shown = 60;
  if (beginning_.size() < shown) beginning_ += bytes.substr(0, shown - beginning_.size());
  bytes_ += bytes.size();
  redisReaderFeed(parser_->reader.get(), bytes.data(), bytes.size());
}

tl::expected<std::optional<RedisValue>, std::string> RedisReader::next() {
  redisReader& reader = *parser_->reader;
  void* value = nullptr;
  const auto refuse = [&](std::string_view why) {
    return tl::unexpected<std::string>(std::string(why) + ": `" + internal::one_line(beginning_) + "`");
  };
  if (redisReaderGetReply(&reader, &value) != REDIS_OK) {
    const bool too_long = reader.err == REDIS_ERR_OOM;
    return refuse(too_long ? "the answer has more items than any that is meant" : "the answer is not Redis' protocol");
  }
  if (value != nullptr) {
    std::optional<RedisValue> read = std::exchange(parser_->tree.root, {});
    parser_->tree.items = 0;
    bytes_ = reader.len - reader.pos;
    beginning_.assign(reader.buf + reader.pos, std::min<std::size_t>(bytes_, 60));
    return read;
  }
  if (bytes_ > most_bytes_) return refuse("the answer is longer than max_answer_bytes");
  return std::optional<RedisValue>();
}

}  // namespace deimos
