#include "backends/redis/redis_script.h"

#include <array>
#include <cstddef>

#include <openssl/evp.h>

namespace deimos {
namespace {

constexpr std::string_view digits = "0123456789abcdef";

/// A record is a string key with an expiry, as other clients of Redis make a lock, and what we know of it beside:
///   deimos:revision     the last revision given
///   deimos:records      hash: key → created revision kind token
///   deimos:names        sorted set: all keys by name
///   deimos:leases       sorted set: all keys by the end of their lease, in ms
///   deimos:queue:QUEUE  sorted set: the records of a queue in their order
///   deimos:changes      stream: the last thousand or so changes, each under its revision
/// Whoever looks at a record first settles what is known of it with what is there.
constexpr std::string_view script = R"lua(
local key, REVISION, RECORDS, NAMES, LEASES, CHANGES = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local clock = redis.call('TIME')
local micros = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local now = math.floor(micros / 1000)

local function digits(number) return string.format('%.0f', number) end

local function last_revision()
  local given = tonumber(redis.call('GET', REVISION) or '')
  if given then return given end
  local newest = redis.call('XREVRANGE', CHANGES, '+', '-', 'COUNT', 1)[1]
  return newest and tonumber(string.match(newest[1], '^%d+')) or 0
end

-- Never below the microseconds of the clock: so they go on growing after the server lost what it knew.
local function next_revision()
  local revision = math.max(last_revision() + 1, micros)
  redis.call('SET', REVISION, digits(revision))
  return revision
end

-- kind: set, gone, over (its lease is).
local function tell(kind, name, revision, ttl, token)
  redis.call('XADD', CHANGES, 'MAXLEN', '~', 1000, digits(revision) .. '-0', 'kind', kind, 'key', name, 'ttl', ttl,
             'token', token)
  redis.call('PUBLISH', 'deimos:' .. name, kind .. ' ' .. digits(revision) .. ' ' .. ttl .. ' ' .. token)
end

local function queue_of(name) return 'deimos:queue:' .. string.match(name, '^(.*)/[^/]*$') end

-- kind: file, place (in a queue), foreign (written by another client).
local function known(name)
  local text = redis.call('HGET', RECORDS, name)
  if not text then return nil end
  local created, revision, kind, token = string.match(text, '^(%d+) (%d+) (%a+) (.*)$')
  if not created then return nil end
  return {name = name, created = tonumber(created), revision = tonumber(revision), kind = kind, token = token}
end

local function save(record, ttl)
  redis.call('HSET', RECORDS, record.name,
             digits(record.created) .. ' ' .. digits(record.revision) .. ' ' .. record.kind .. ' ' .. record.token)
  redis.call('ZADD', NAMES, 0, record.name)
  redis.call('ZADD', LEASES, ttl and digits(now + ttl) or '+inf', record.name)
  if record.kind == 'place' then redis.call('ZADD', queue_of(record.name), digits(record.created), record.name) end
end

-- ttl: in ms; nil: for ever.
local function write(record, ttl)
  if ttl then
    redis.call('SET', record.name, record.token, 'PX', digits(ttl))
  else
    redis.call('SET', record.name, record.token)
  end
  save(record, ttl)
  tell('set', record.name, record.revision, ttl and digits(ttl) or '', record.token)
end

local function forget(record, kind)
  redis.call('HDEL', RECORDS, record.name)
  redis.call('ZREM', NAMES, record.name)
  redis.call('ZREM', LEASES, record.name)
  if record.kind == 'place' then redis.call('ZREM', queue_of(record.name), record.name) end
  tell(kind, record.name, next_revision(), '', '')
end

local function ttl_of(name)
  local left = redis.call('PTTL', name)
  if left < 0 then return nil end
  return left
end

-- The record of that name, or nil; the second value is true if something else has the name.
local function settle(name)
  local token = redis.pcall('GET', name)
  if type(token) == 'table' then
    if not string.find(token.err, 'WRONGTYPE') then redis.call('GET', name) end  -- Says so again, and ends the script.
    return nil, true
  end
  local record = known(name)
  if not token then
    if record then
      local ends = tonumber(redis.call('ZSCORE', LEASES, name) or '0')
      forget(record, ends <= now + 5 and 'over' or 'gone')
    end
    return nil, false
  end
  if record and record.token == token then return record, false end
  local revision = next_revision()
  if record and record.kind == 'place' then redis.call('ZREM', queue_of(name), name) end
  record = {name = name, created = revision, revision = revision, kind = 'foreign', token = token}
  local ttl = ttl_of(name)
  save(record, ttl)
  tell('set', name, revision, ttl and digits(ttl) or '', token)
  return record, false
end

-- Notices, some at a time, the leases that are over.
local function reap(most)
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', LEASES, '-inf', digits(now), 'LIMIT', 0, most)) do
    if settle(name) then  -- Another client has renewed it.
      local ttl = ttl_of(name)
      redis.call('ZADD', LEASES, ttl and digits(now + ttl + 1) or '+inf', name)
    else
      redis.call('ZREM', LEASES, name)
    end
  end
end

-- The records of a queue, in their order; at most so many.
local function places_of(name, most)
  local places = {}
  for _, place in ipairs(redis.call('ZRANGE', 'deimos:queue:' .. name, 0, -1)) do
    local record = settle(place)
    if record then places[#places + 1] = record end
    if #places >= most then break end
  end
  return places
end

local function shown(record)
  local left = redis.call('PTTL', record.name)
  return {record.name, record.token, digits(record.created), digits(record.revision), left, digits(now + left)}
end

local function all_shown(records)
  local rows = {}
  for i, record in ipairs(records) do rows[i] = shown(record) end
  return rows
end

local step = {}

function step.hello()
  last_revision()
  redis.call('PUBLISH', 'deimos:hello', '')
  return {'hello'}
end

function step.acquire(token, ttl)
  reap(4)
  local record, wrong = settle(key)
  if wrong or #places_of(key, 1) > 0 then return {'not_a_file'} end
  if record then return {'refused', digits(last_revision())} end
  local revision = next_revision()
  write({name = key, created = revision, revision = revision, kind = 'file', token = token}, tonumber(ttl))
  return {'granted', digits(revision)}
end

-- Also of a record without a lease: ttl is '' then.
function step.replace(revision, token, ttl)
  local record = settle(key)
  if not record then return {'missing'} end
  if record.revision ~= tonumber(revision) then return {'changed'} end
  redis.call('PERSIST', key)  -- The first write frees memory, or needs none: so it is not refused when that is full.
  record.revision = next_revision()
  record.token = token
  if record.kind == 'foreign' then record.kind = 'file' end
  write(record, tonumber(ttl))
  return {'granted', digits(record.revision)}
end

function step.renew(token, revision, ttl)
  local record = settle(key)
  if not record or record.token ~= token then return {'not_held'} end
  if record.revision ~= tonumber(revision) then return {'changed'} end
  redis.call('PEXPIRE', key, ttl)
  record.revision = next_revision()
  save(record, tonumber(ttl))
  return {'granted', digits(record.revision)}
end

function step.release(token)
  local record = settle(key)
  if not record or record.token ~= token then return {'not_held'} end
  redis.call('DEL', key)
  forget(record, 'gone')
  return {'done'}
end

function step.force_release(revision)
  local record = settle(key)
  if not record then return {'missing'} end
  if record.revision ~= tonumber(revision) then return {'changed'} end
  redis.call('DEL', key)
  forget(record, 'gone')
  return {'done'}
end

function step.inspect()
  local record, wrong = settle(key)
  if wrong or (not record and #places_of(key, 1) > 0) then return {'not_a_file'} end
  return {'seen', digits(last_revision()), record and shown(record) or {}}
end

function step.enqueue(token, ttl)
  reap(4)
  local record, wrong = settle(key)
  if record or wrong then return {'not_a_directory'} end
  local revision = next_revision()
  record = {name = key .. '/' .. digits(revision), created = revision, revision = revision, kind = 'place', token = token}
  write(record, tonumber(ttl))
  return {'placed', shown(record)}
end

function step.places()
  local record, wrong = settle(key)
  if record or wrong then return {'not_a_directory'} end
  local places = places_of(key, math.huge)
  return {'listed', digits(last_revision()), '', all_shown(places)}
end

function step.set_permanent(token)
  local record, wrong = settle(key)
  if record or wrong then return {'exists'} end
  local revision = next_revision()
  write({name = key, created = revision, revision = revision, kind = 'place', token = token}, nil)
  return {'granted', digits(revision)}
end

-- A page of what is below the directory `key` (with its slash), from the name behind `after` on.
function step.list(after, most)
  local first = after == '' and '[' .. key or '(' .. after
  local behind = '(' .. string.sub(key, 1, -2) .. '0'  -- '0' is '/' + 1.
  local names = redis.call('ZRANGEBYLEX', NAMES, first, behind, 'LIMIT', 0, most)
  local revision = last_revision()
  local records = {}
  for _, name in ipairs(names) do
    local record = settle(name)
    if record then records[#records + 1] = record end
  end
  local is_last = #names < tonumber(most)
  return {'listed', digits(revision), is_last and '' or names[#names], all_shown(records)}
end

-- Gets to know what other clients wrote.
function step.meet(...)
  for _, name in ipairs({...}) do settle(name) end
  return {'done'}
end

-- The first change from that revision on of `key` (scope: key), or of what is below that directory (scope: below).
function step.first_change(from, scope)
  reap(100)
  from = tonumber(from)
  local record
  if scope == 'key' then record = settle(key) end
  local last = last_revision()
  if from > last + 1 then return {'cleared'} end  -- The server has forgotten what it knew.
  if from <= last then
    local oldest = redis.call('XRANGE', CHANGES, '-', '+', 'COUNT', 1)[1]
    if not oldest or tonumber(string.match(oldest[1], '^%d+')) > from then return {'cleared'} end
    local at = digits(from)
    repeat
      local entries = redis.call('XRANGE', CHANGES, at, '+', 'COUNT', 100)
      for _, entry in ipairs(entries) do
        local revision, fields = string.match(entry[1], '^%d+'), entry[2]
        local name = fields[4]
        if name == key or scope == 'below' and string.sub(name, 1, #key) == key then
          return {'change', fields[2] .. ' ' .. revision .. ' ' .. fields[6] .. ' ' .. fields[8], name}
        end
        at = digits(tonumber(revision) + 1)
      end
    until #entries < 100
  end
  if scope == 'key' then
    if not record then return {'change', 'gone ' .. digits(math.max(last, from)) .. '  ', key} end
    return {'none', digits(redis.call('PTTL', key)), record.kind}
  end
  local soonest = redis.call('ZRANGEBYSCORE', LEASES, '(' .. digits(now), '(+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  return {'none', soonest[2] and digits(tonumber(soonest[2]) - now) or '-1', ''}
end

return step[ARGV[1]](unpack(ARGV, 2))
)lua";

std::string sha1_of(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1) return {};
  std::string hex;
  for (std::size_t i = 0; i < size; ++i) {
    hex += digits[digest[i] >> 4U];
    hex += digits[digest[i] & 0xfU];
  }
  return hex;
}

}  // namespace

std::string_view redis_script() noexcept { return script; }

std::vector<std::string> redis_step(std::string_view name, std::string_view key,
                                    const std::vector<std::string>& arguments, bool by_text) {
  static const std::string sha = sha1_of(script);
  std::vector<std::string> command = {by_text ? "EVAL" : "EVALSHA",
                                      by_text ? std::string(script) : sha,
                                      "6",
                                      std::string(key),
                                      "deimos:revision",
                                      "deimos:records",
                                      "deimos:names",
                                      "deimos:leases",
                                      "deimos:changes"};
  command.emplace_back(name);
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

}  // namespace deimos
