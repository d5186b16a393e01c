/* The flow editor: what the page does beyond links and forms, which work without any of this. */
import "./flow_autosave.js";
import "./flow_forms.js";
import "./flow_steps.js";
