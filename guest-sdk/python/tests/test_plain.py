"""What works outside of a component: run with ``python -m unittest`` in ``guest-sdk/python``."""

import unittest

from abide import Failure, llm, tools
from abide._failure import from_wire
from abide._json import decode, encode
from abide._options import to_ms
from abide._tool_names import for_model, unique


class Json(unittest.TestCase):
    def test_is_written_as_the_rust_sdk_writes_it(self) -> None:
        self.assertEqual(encode({"ä": [1, 2.5, None, True]}, "it"), '{"ä":[1,2.5,null,true]}')
        self.assertEqual(encode(llm.Usage(1, 2, 3), "it"), '{"input_tokens":1,"output_tokens":2,"cached_input_tokens":3}')
        self.assertEqual(encode({"b", "a"}, "it"), '["a","b"]')

    def test_what_has_no_form_is_a_failure(self) -> None:
        for value in (float("nan"), object(), {1: {2}, "a": object()}):
            with self.assertRaises(Failure) as raised:
                encode(value, "it")
            self.assertEqual(raised.exception.code, "invalid-json")
        with self.assertRaises(Failure):
            decode("{", "invalid-input", "the input does not fit")


class Names(unittest.TestCase):
    def test_are_those_of_the_rust_sdk(self) -> None:
        self.assertEqual(for_model("files", "read_file"), "files__read_file")
        self.assertEqual(for_model("my files", "läs.fil/2"), "my_files__l_s_fil_2")
        long = for_model("files", "x" * 80)
        self.assertEqual(len(long), 64)
        self.assertNotEqual(long, for_model("files", "x" * 81))
        self.assertTrue(for_model(""))

    def test_stay_apart(self) -> None:
        self.assertEqual(unique("a", {"b"}), "a")
        self.assertEqual(unique("a", {"a", "a_2"}), "a_3")
        self.assertEqual(len(unique("y" * 64, {"y" * 64})), 64)


class Rest(unittest.TestCase):
    def test_durations_round_up(self) -> None:
        self.assertEqual([to_ms(seconds) for seconds in (0, 0.0005, 0.1, 0.3, 7)], [0, 1, 100, 300, 7000])
        with self.assertRaises(ValueError):
            to_ms(float("inf"))

    def test_a_failure_has_its_cause(self) -> None:
        failure = Failure("child-failed", "it failed", {"cause": {"code": "no-money", "message": "none left"}})
        cause = failure.cause
        assert cause is not None
        self.assertEqual((cause.code, str(cause)), ("no-money", "no-money: none left"))
        self.assertIsNone(cause.cause)

    def test_details_of_the_host_are_read(self) -> None:
        class Wire:
            code, message, details, retryable = "denied", "no", '{"grant":"llm:x"}', True

        self.assertEqual(from_wire(Wire).details, {"grant": "llm:x"})

    def test_structured_comes_before_text(self) -> None:
        self.assertEqual(tools.ToolResult([llm.Text("1")], 2, False).json(), 2)
        self.assertEqual(tools.ToolResult([llm.Text("1")], None, False).json(), 1)
        with self.assertRaises(Failure):
            tools.ToolResult([llm.Text("no such file")], None, True).ok()

    def test_calls_say_where_they_work(self) -> None:
        with self.assertRaisesRegex(RuntimeError, "abide build"):
            from abide import timer

            timer.now_ms()


if __name__ == "__main__":
    unittest.main()
