"""The Jupyter project's own test of kernels, with our samples."""

import jupyter_kernel_test as suite
from jupyter_client.manager import start_new_kernel

import cells


class DparkKernelTests(suite.KernelTests):
    kernel_name = "dpark"
    language_name = "rust"
    file_extension = ".rs"

    code_hello_world = 'println!("hello, world");'
    code_stderr = 'eprintln!("a warning");'
    code_execute_result = [
        {"code": "6 * 7", "result": "42"},
        {"code": 'let word = "to be"; word.len()', "result": "5"},
        {"code": "ctx.range(0, 1000).sum()?", "result": "499500"},
    ]
    code_display_data = [
        {"code": 'dpark::display(dpark::MimeBundle::new().html("<b>be</b>").text("be"));', "mime": "text/html"},
        {"code": 'dpark::display(dpark::MimeBundle::new().svg("<svg/>").text("a picture"));', "mime": "image/svg+xml"},
    ]
    code_clear_output = "dpark::clear_output(false);"
    code_generate_error = "let text: i32 = \"to be\";"
    code_inspect_sample = "ctx"
    code_page_something = ":help"
    code_history_pattern = "6 ? 7*"
    supported_history_operations = ("tail", "range", "search")

    complete_code_samples = ["1 + 1", "fn two() -> i32 {\n    2\n}", ":stages", "let r = ctx.range(0, 3);"]
    incomplete_code_samples = ["fn two() {", "ctx.range(0,", "let text = \"to be"]
    invalid_code_samples = ["let x = );"]
    completion_samples = [
        {"text": "ctx.text_file_w", "matches": {"text_file_with(paths, options)"}},
        {"text": ":stag", "matches": {":stages"}},
    ]

    @classmethod
    def setUpClass(cls):
        cls.km, cls.kc = start_new_kernel(kernel_name=cls.kernel_name, startup_timeout=cells.DEADLINE)
        cells.succeed(cls.kc, "1")
        # Answers are given at once: before rust-analyzer is ready they are empty.
        cells.wait_for_completion(cls.kc)

    def execute_helper(self, code, timeout=cells.DEADLINE, **options):
        """With a longer time-out: the suite's own is bound when it is defined."""
        return super().execute_helper(code, timeout=timeout, **options)


class DparkWelcomeTests(suite.IopubWelcomeTests):
    kernel_name = "dpark"
    support_iopub_welcome = True
