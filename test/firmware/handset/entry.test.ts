// What was typed or chosen, as an address.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { addressOf, likelyCallee } from "../../../firmware/handset/entry.js";

const test = suite("entry");

const account = "sips:alice@example.com";
const contacts = [
  { name: "Bob", uri: "sip:bob@example.com", key: "2" },
  { name: "Carol", uri: "sip:carol@example.net" },
];

test("a number is at the account's host, an address is what it is", () => {
  assert.is(addressOf("123", account), "sip:123@example.com");
  assert.is(addressOf("12#", account), "sip:12%23@example.com");
  assert.is(addressOf("SIP:bob@there", account), "SIP:bob@there");
});

test("a chosen contact is likely to be called, whatever the line says", () => {
  assert.is(likelyCallee({ text: "Carol <sip:carol@example.net>", contact: 1 }, contacts, account), contacts[1].uri);
});

test("one digit means the contact who has it as key", () => {
  assert.is(likelyCallee({ text: "2", contact: -1 }, contacts, account), contacts[0].uri);
  assert.is(likelyCallee({ text: "3", contact: -1 }, contacts, account), undefined);
});

test("a number counts from three digits on", () => {
  assert.is(likelyCallee({ text: "", contact: -1 }, contacts, account), undefined);
  assert.is(likelyCallee({ text: "22", contact: -1 }, contacts, account), undefined);
  assert.is(likelyCallee({ text: "222", contact: -1 }, contacts, account), "sip:222@example.com");
});

test("an address to redial is likely to be called", () => {
  assert.is(likelyCallee({ text: "sip:dave@example.org", contact: -1 }, contacts, account), "sip:dave@example.org");
});

test.run();
